import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { constraintsOf, type Json, type Schema } from './constraints.ts';
import { commentOf } from './json-schema.ts';

/** An example of a message in JSON: what is required, and what the contract gives an example for. */
export function exampleOf(message: DescMessage): Schema {
  const fields = message.fields.filter((field) => field.oneof === undefined || field === field.oneof.fields[0]);
  return Object.fromEntries(
    fields.flatMap((field) => {
      const { schema, required } = constraintsOf(field);
      const given = firstOf(schema['examples']);
      if (given !== undefined) return [[field.jsonName, given]];
      return required || field.oneof !== undefined ? [[field.jsonName, standIn(field)]] : [];
    }),
  );
}

function firstOf(examples: Json | undefined): Json | undefined {
  return isList(examples) ? examples[0] : undefined;
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function standIn(field: DescField): Json {
  if (field.fieldKind === 'map') return {};
  const one = standInForOne(field);
  return field.fieldKind === 'list' ? [one] : one;
}

function standInForOne(field: DescField): Json {
  if (field.name === 'request_id') return '5f0c1f0e-8a52-4c0e-9d39-0d1f6a1e7c11';
  if (field.message?.typeName === 'google.protobuf.FieldMask') return camelCase(quoted(field) ?? 'title');
  if (field.message?.typeName === 'google.protobuf.Timestamp') return '2026-01-01T00:00:00Z';
  if (field.message?.typeName === 'google.protobuf.Duration') return '60s';
  if (field.message !== undefined) return exampleOf(field.message);
  if (field.enum !== undefined) return field.enum.values[1]?.name ?? '';
  switch (field.scalar) {
    case ScalarType.STRING:
      return quoted(field) ?? field.name;
    case ScalarType.BOOL:
      return true;
    case ScalarType.BYTES:
      return '';
    default:
      return 1;
  }
}

/** Comments quote what a value looks like, such as "prd_…". */
function quoted(field: DescField): string | undefined {
  return /"([^"]+)"/.exec(commentOf(field))?.[1];
}

/** In JSON a field mask names fields as JSON does. */
function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
