import { type DescEnum, type DescField, type DescMessage, getOption, ScalarType } from '@bufbuild/protobuf';
import { getComments } from '@bufbuild/protoplugin';
import { oneof as oneofRules } from '#gen/buf/validate/validate_pb.ts';
import { constraintsOf, type Json, type Schema } from './constraints.ts';

/** The JSON Schema of a message in protobuf's JSON form, with its validation rules; other messages by reference. */
export function messageSchema(message: DescMessage): Schema {
  const properties: Record<string, Json> = {};
  const required: string[] = [];
  for (const field of message.fields) {
    const { schema, required: needed } = fieldSchema(field);
    properties[field.jsonName] = schema;
    if (needed && field.oneof === undefined) required.push(field.jsonName);
  }
  return {
    type: 'object',
    ...(commentOf(message) === '' ? {} : { description: commentOf(message) }),
    properties,
    ...(required.length > 0 ? { required } : {}),
    ...oneofSchema(message),
    additionalProperties: false,
  };
}

/** The messages and enums that a message's schema refers to. */
export function references(message: DescMessage): (DescMessage | DescEnum)[] {
  return message.fields.flatMap((field) => {
    const value = valueTypeOf(field);
    return typeof value === 'object' && !(value.kind === 'message' && wellKnown[value.typeName]) ? [value] : [];
  });
}

export function enumSchema(desc: DescEnum): Schema {
  const lines = desc.values.map((value) => `- \`${value.name}\`: ${commentOf(value)}`);
  return {
    type: 'string',
    description: [commentOf(desc), ...lines].join('\n'),
    enum: desc.values.map((each) => each.name),
  };
}

export function reference(desc: DescMessage | DescEnum): Schema {
  return { $ref: `#/components/schemas/${desc.typeName}` };
}

/** The leading comment of a descriptor as plain text, its lines joined to paragraphs. */
export function commentOf(desc: Parameters<typeof getComments>[0]): string {
  return (getComments(desc).leading ?? '')
    .split('\n')
    .map((line) => line.trim())
    .join('\n')
    .trim()
    .replaceAll(/([^\n])\n(?=[^\n])/g, '$1 ');
}

function fieldSchema(field: DescField): { schema: Schema; required: boolean } {
  const { schema: constraint, notes, required } = constraintsOf(field);
  const description = [commentOf(field), ...notes].filter((each) => each !== '').join(' ');
  const schema = merge(shapeOf(field), constraint);
  return { schema: description === '' ? schema : { ...schema, description }, required };
}

/** Adds constraints to a shape; those of a list's items or a map's values go where the shape has them. */
function merge(shape: Schema, constraint: Schema): Schema {
  const merged: Record<string, Json> = { ...shape, ...constraint };
  for (const key of ['items', 'additionalProperties']) {
    const [a, b] = [shape[key], constraint[key]];
    if (isSchema(a) && isSchema(b)) merged[key] = { ...a, ...b };
  }
  return merged;
}

function isSchema(value: Json | undefined): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shapeOf(field: DescField): Schema {
  const value = valueTypeOf(field);
  const schema = typeof value === 'object' ? typeSchema(value) : scalarSchema(value);
  if (field.fieldKind === 'list') return { type: 'array', items: schema };
  if (field.fieldKind === 'map') return { type: 'object', additionalProperties: schema };
  return schema;
}

function valueTypeOf(field: DescField): ScalarType | DescMessage | DescEnum {
  return field.scalar ?? field.message ?? field.enum;
}

function typeSchema(desc: DescMessage | DescEnum): Schema {
  const known = desc.kind === 'message' ? wellKnown[desc.typeName] : undefined;
  return known ?? reference(desc);
}

/** Messages that protobuf's JSON form writes in a way of their own. */
const wellKnown: Readonly<Record<string, Schema>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]{1,9})?s$' },
  'google.protobuf.FieldMask': { type: 'string' },
};

function scalarSchema(type: ScalarType): Schema {
  switch (type) {
    case ScalarType.STRING:
      return { type: 'string' };
    case ScalarType.BOOL:
      return { type: 'boolean' };
    case ScalarType.BYTES:
      return { type: 'string', format: 'byte' };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { type: 'integer', format: 'int32' };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: 'integer', format: 'uint32', minimum: 0 };
    case ScalarType.FLOAT:
      return { type: 'number', format: 'float' };
    case ScalarType.DOUBLE:
      return { type: 'number', format: 'double' };
    default:
      // JSON numbers lose digits beyond 2^53, so protobuf writes 64-bit integers as strings.
      return { type: 'string', format: 'int64', pattern: '^-?[0-9]+$' };
  }
}

/** At most one member of a oneof may be set; exactly one where the contract requires it. */
function oneofSchema(message: DescMessage): Schema {
  const groups = message.oneofs.map((oneof) => {
    const members: Schema[] = oneof.fields.map((field) => ({ required: [field.jsonName] }));
    const none: Schema = { not: { anyOf: members } };
    return { oneOf: getOption(oneof, oneofRules).required ? members : [...members, none] };
  });
  if (groups.length === 0) return {};
  const [first] = groups;
  return groups.length === 1 && first !== undefined ? first : { allOf: groups };
}
