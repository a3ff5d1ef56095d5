import { create, type DescMessage, type DescMethod, type DescService, type Message } from '@bufbuild/protobuf';
import { isReflectMessage, pathToString, reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { createValidator, type Violation } from '@bufbuild/protovalidate';
import { Fault } from '../fault.ts';

const maxViolations = 50; // what one answer names; enough to repair a form, too little to use as an amplifier
const maxItems = 10_000; // 4 MB of empty tags are two million violations: 4 s and 640 MB to list them, so only the first is named
const first = createValidator({ failFast: true });
const all = createValidator();

/**
 * Holds a request against the rules of its contract. Refuses it with the fields that break one, by their names in the
 * contract, such as "product.variants[2].price.currency". Costs 1 to 2 µs for a small request that is good.
 */
export function checkMessage(method: DescMethod, message: Message): void {
  const result = first.validate(method.input, message);
  if (result.kind === 'valid') return;
  if (result.kind === 'error') throw result.error;
  throw refusal(isSmall(method.input, message) ? allViolations(method.input, message) : result.violations);
}

/**
 * Compiles the rules of contracts, one request after the other while nothing else is to be done: the first call of a method would
 * wait for it, up to 60 ms. Rules that can't be compiled are left to the calls, which fail by them.
 */
export function prepareValidation(contracts: readonly DescService[]): void {
  const inputs = contracts.flatMap((contract) => contract.methods.map(({ input }) => input));
  const next = (): void => {
    const input = inputs.pop();
    if (input === undefined) return;
    first.validate(input, create(input));
    setImmediate(next).unref();
  };
  setImmediate(next).unref();
}

function allViolations(input: DescMessage, message: Message): readonly Violation[] {
  const result = all.validate(input, message);
  if (result.kind === 'error') throw result.error;
  return result.violations ?? [];
}

function refusal(violations: readonly Violation[]): Fault {
  const fields = violations.slice(0, maxViolations).map(({ field, message, ruleId }) => ({
    field: pathToString(field),
    description: message,
    reason: ruleId,
  }));
  const named = fields
    .slice(0, 3)
    .map(({ field, description }) => `${field === '' ? 'request' : field}: ${description}`);
  const more = violations.length - named.length;
  const text = `${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}.`;
  return new Fault('invalid-argument', 'INVALID_FIELDS', text, { fields });
}

/** Whether a message and all that it holds are so few items that listing what is wrong with each is cheap. */
function isSmall(schema: DescMessage, message: Message): boolean {
  let left = maxItems;
  const fits = (part: ReflectMessage): boolean =>
    --left >= 0 &&
    part.fields.every((field) => {
      if (!part.isSet(field)) return true;
      if (field.fieldKind === 'message') return fits(part.get(field));
      if (field.fieldKind !== 'list' && field.fieldKind !== 'map') return true;
      const items = part.get(field);
      left -= items.size;
      return left >= 0 && [...items.values()].every((item) => !isReflectMessage(item) || fits(item));
    });
  return fits(reflect(schema, message));
}
