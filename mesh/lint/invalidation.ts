import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import type { Found, Linted } from './rule.ts';
import { didYouMean } from '../ask/near.ts';

/** What is wrong with the events that make kept answers old: one that there isn't, or a field that can't hold what it is about. */
export function invalidationProblems({ model, files }: Linted): readonly Found[] {
  const topics = model.events.map(({ topic }) => topic);
  const messages = new Map(files.flatMap((file) => file.messages).map((message) => [message.typeName, message]));
  const outputs = new Map(
    files
      .flatMap(({ services }) => services)
      .flatMap(({ methods }) => methods)
      .map((method) => [`${method.parent.typeName}/${method.name}`, method.output]),
  );

  function problemOf(path: string, event: string, field: string): string | undefined {
    if (!topics.includes(event)) return `is made old by ${event}, which is no event${didYouMean(event, topics)}`;
    const [key] = messages.get(event)?.fields ?? [];
    if (key === undefined || !isText(key))
      return `is made old by ${event}, whose first field is no id: name another event`;
    const output = outputs.get(path);
    const found = output && fieldAt(output, field.split('.'));
    if (found === undefined)
      return `is made old by its ${field}, which ${output?.typeName ?? 'its answer'} doesn’t have`;
    return isText(found) ? undefined : `is made old by its ${field}, which is no string and so no id of ${event}`;
  }

  return model.methods.flatMap((method) => {
    const { cache } = method.policy;
    const named = cache?.invalidatedBy ?? [];
    const at = { where: method.path, source: method.sourceOf('cache') };
    if (named.length > 0 && cache?.shared !== true)
      return [
        { ...at, problem: 'names events, but its answers are in no shared cache: say shared: true, or take them away' },
      ];
    return named.flatMap(({ event, field }) => {
      const problem = problemOf(method.path, event, field);
      return problem === undefined ? [] : [{ ...at, problem }];
    });
  });
}

function fieldAt(message: DescMessage, [name, ...rest]: readonly string[]): DescField | undefined {
  const field = message.fields.find((each) => each.name === name);
  if (field === undefined || rest.length === 0) return field;
  return field.message === undefined || field.fieldKind === 'map' ? undefined : fieldAt(field.message, rest);
}

function isText(field: DescField): boolean {
  const ids = field.fieldKind === 'scalar' || (field.fieldKind === 'list' && field.listKind === 'scalar');
  return ids && field.scalar === ScalarType.STRING;
}
