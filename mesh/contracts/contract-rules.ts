import type { DescFile, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import { hasOption } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { event as eventOption } from '#gen/only2u/mesh/v1/policy_pb.ts';
import { fieldFindings, requestFindings } from './field-rules.ts';
import { type Finding, finding } from './finding.ts';

/**
 * What is wrong with the shop's contracts beyond what Buf's lint and the mesh's own (lint.ts) see: naming and paging as in
 * Google's AIP. `files` are all of them together.
 */
export function contractFindings(files: readonly DescFile[]): Finding[] {
  const own = files.filter((file) => file.proto.package.startsWith('only2u.'));
  const services = own.flatMap((file) => file.services);
  return [
    ...services.flatMap((service) => service.methods.flatMap(methodFindings)),
    ...sharedMessages(services),
    ...own.flatMap(eventFindings),
    ...own.flatMap(fieldFindings),
    ...requestFindings(services.flatMap((service) => service.methods.map((method) => method.input))),
  ];
}

function methodFindings(method: DescMethod): Finding[] {
  const problems = [
    ...nameProblems(method),
    ...requestIdProblems(method),
    ...(/^(List|Search)/.test(method.name) ? pagingProblems(method) : []),
    ...(method.name.startsWith('Update') ? updateProblems(method) : []),
  ];
  return problems.map(([rule, problem]) => finding(method, rule, problem));
}

type Problem = readonly [rule: string, problem: string];

function nameProblems(method: DescMethod): Problem[] {
  return [[method.input, `${method.name}Request`] as const, [method.output, `${method.name}Response`] as const].flatMap(
    ([message, name]): Problem[] =>
      message.name === name && message.file === method.parent.file
        ? []
        : [['own-messages', `takes or answers ${message.name}, not its own ${name}`]],
  );
}

function requestIdProblems(method: DescMethod): Problem[] {
  const mutates = method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  return mutates && !hasRequestId(method) ? [['request-id', 'changes things, but its request has no request_id']] : [];
}

/** A client stream has it in the message of options that comes first. */
function hasRequestId(method: DescMethod): boolean {
  const nested = method.methodKind === 'unary' ? [] : method.input.fields.flatMap((field) => field.message ?? []);
  return [method.input, ...nested].some((message) => scalarField(message, 'request_id'));
}

function pagingProblems(method: DescMethod): Problem[] {
  const missing = [
    ...['page_size', 'page_token'].filter((name) => !scalarField(method.input, name)),
    ...['next_page_token'].filter((name) => !scalarField(method.output, name)),
  ];
  return missing.map((name) => ['paging', `is a list, but has no ${name}`]);
}

function updateProblems(method: DescMethod): Problem[] {
  const { fields } = method.input;
  const mask = fields.some(
    (field) => field.name === 'update_mask' && field.message?.typeName === 'google.protobuf.FieldMask',
  );
  const messages = [method.input, ...fields.flatMap((field) => field.message ?? [])];
  return [
    ...(mask ? [] : [['update-mask', 'is an update, but has no google.protobuf.FieldMask update_mask'] as const]),
    ...(messages.some((message) => scalarField(message, 'etag'))
      ? []
      : [['etag', 'is an update, but takes no etag'] as const]),
  ];
}

function scalarField(message: DescMessage, name: string): boolean {
  return message.fields.some((field) => field.name === name && field.fieldKind === 'scalar');
}

/** A message that two methods share can't grow for one of them alone. */
function sharedMessages(services: readonly DescService[]): Finding[] {
  const users = new Map<DescMessage, DescMethod[]>();
  for (const method of services.flatMap((service) => service.methods)) {
    for (const message of [method.input, method.output]) users.set(message, [...(users.get(message) ?? []), method]);
  }
  return [...users]
    .filter(([, methods]) => methods.length > 1)
    .map(([message, methods]) =>
      finding(message, 'own-messages', `is shared by ${methods.map((each) => each.name).join(', ')}`),
    );
}

/** A file of events holds them and their parts: a message that is neither is an event that nobody tells. */
function eventFindings(file: DescFile): Finding[] {
  if (!file.name.endsWith('/events')) return [];
  const parts = new Set(file.messages.flatMap(({ fields }) => fields.flatMap((field) => field.message ?? [])));
  return file.messages
    .filter((message) => !hasOption(message, eventOption) && !parts.has(message))
    .map((message) => finding(message, 'event', 'stands among the events, but has no option (only2u.mesh.v1.event)'));
}
