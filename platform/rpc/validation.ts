import type { DescMethod, Message } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { Fault } from '../fault.ts';

const maxViolations = 50; // what one answer names; enough to repair a form, too little to use as an amplifier
const validator = createValidator();

/** Holds a request against the rules of its contract. Refuses it with every field that breaks one. */
export function checkMessage(method: DescMethod, message: Message): void {
  const result = validator.validate(method.input, message);
  if (result.kind === 'valid') return;
  if (result.kind === 'error') throw result.error;
  const fields = result.violations.slice(0, maxViolations).map((violation) => ({
    field: pathToString(violation.field),
    description: violation.message,
    reason: violation.ruleId,
  }));
  const named = fields
    .slice(0, 3)
    .map(({ field, description }) => `${field === '' ? 'request' : field}: ${description}`);
  const more = result.violations.length - named.length;
  throw new Fault('invalid-argument', 'INVALID_FIELDS', `${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}.`, {
    fields,
  });
}
