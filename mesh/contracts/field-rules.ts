import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  getOption,
  ScalarType,
} from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { field as fieldOption, type FieldRules } from '#gen/buf/validate/validate_pb.ts';
import { isSensitive } from '#platform/telemetry/sensitive.ts';
import { type Finding, finding } from './finding.ts';

/** What is wrong with the messages and enums of a file, wherever they are used. */
export function fieldFindings(file: DescFile): Finding[] {
  return [...nestedTypes(file)].flatMap((desc) => {
    if (desc.kind === 'enum') return enumFindings(desc);
    return desc.kind === 'message' ? desc.fields.flatMap(namingFindings) : [];
  });
}

function enumFindings(desc: DescEnum): Finding[] {
  const zero = desc.values.find((value) => value.number === 0);
  return zero?.name.endsWith('_UNSPECIFIED')
    ? []
    : [finding(desc, 'enum-zero', 'has no zero value that ends in _UNSPECIFIED')];
}

function namingFindings(field: DescField): Finding[] {
  const isTime = field.message?.typeName === 'google.protobuf.Timestamp';
  const isText = field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES;
  const redacted = field.proto.options?.debugRedact === true;
  return [
    ...(isTime === /_times?$/.test(field.name)
      ? []
      : [finding(field, 'time', 'must be a Timestamp and end in _time, or neither')]),
    ...(/(^|_)ids?$/.test(field.name) && field.scalar !== ScalarType.STRING
      ? [finding(field, 'id', 'is an id, but no string')]
      : []),
    ...(isText && isSensitive(field.name) && !redacted
      ? [finding(field, 'redact', 'holds a secret or personal data: add debug_redact = true')]
      : []),
  ];
}

/** What is unbounded in the messages that requests hold: each text, list and map needs a most. */
export function requestFindings(requests: readonly DescMessage[]): Finding[] {
  const seen = new Set<DescMessage>();
  const waiting = [...requests];
  const findings: Finding[] = [];
  for (let message = waiting.pop(); message !== undefined; message = waiting.pop()) {
    if (seen.has(message) || message.typeName.startsWith('google.protobuf.')) continue;
    seen.add(message);
    findings.push(...message.fields.flatMap(boundFindings));
    waiting.push(...message.fields.flatMap((field) => field.message ?? []));
  }
  return findings;
}

function boundFindings(field: DescField): Finding[] {
  const unbounded = unboundedPart(field, getOption(field, fieldOption));
  return unbounded === undefined
    ? []
    : [finding(field, 'bound', `comes from callers, but nothing bounds its ${unbounded}`)];
}

function unboundedPart(field: DescField, rules: FieldRules): string | undefined {
  const { type } = rules;
  if (field.fieldKind === 'list') {
    if (type.case !== 'repeated' || type.value.maxItems === 0n) return 'number of items';
    return isText(field.scalar) && !boundsText(type.value.items) ? 'items' : undefined;
  }
  if (field.fieldKind === 'map') {
    if (type.case !== 'map' || type.value.maxPairs === 0n) return 'number of entries';
    if (isText(field.mapKey) && !boundsText(type.value.keys)) return 'keys';
    return isText(field.scalar) && !boundsText(type.value.values) ? 'values' : undefined;
  }
  return isText(field.scalar) && !boundsText(rules) ? 'length' : undefined;
}

function isText(type: ScalarType | undefined): boolean {
  return type === ScalarType.STRING || type === ScalarType.BYTES;
}

function boundsText(rules: FieldRules | undefined): boolean {
  if (rules?.type.case === 'bytes') return rules.type.value.maxLen > 0n || rules.type.value.len > 0n;
  if (rules?.type.case !== 'string') return false;
  const { maxLen, maxBytes, len, pattern, in: choices, wellKnown } = rules.type.value;
  if (maxLen > 0n || maxBytes > 0n || len > 0n || choices.length > 0 || wellKnown.case === 'uuid') return true;
  // Anchored at both ends and without a repetition that may go on: its length has an end.
  return /^\^.*\$$/.test(pattern) && !/[*+]|\{\d+,\}/.test(pattern.replaceAll(/\\./g, ''));
}
