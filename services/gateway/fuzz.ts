import {
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from '@bufbuild/protobuf';
import fc from 'fast-check';
import { field as fieldRules, type FieldRules } from '#gen/buf/validate/validate_pb.ts';

/** What a client might send as JSON for this message: mostly well-formed, often against a rule, sometimes no JSON at all. */
export function arbitraryBody(desc: DescMessage): fc.Arbitrary<string | Uint8Array> {
  const valid = arbitraryJson(desc);
  const text = valid.map((json) => JSON.stringify(json));
  return fc.oneof(
    { weight: 6, arbitrary: text },
    {
      weight: 3,
      arbitrary: fc
        .tuple(valid, fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), fc.jsonValue())
        .map(([json, path, value]) => JSON.stringify(replaceAt(json, path, value as JsonValue))),
    },
    { weight: 1, arbitrary: fc.tuple(text, fc.nat()).map(([whole, at]) => whole.slice(0, at % (whole.length + 1))) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(text, fc.nat(), fc.string({ unit: 'binary' }))
        .map(([whole, at, noise]) => whole.slice(0, at % (whole.length + 1)) + noise),
    },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  );
}

/** Well-formed JSON for a message: each field is left out or has its type, and half of the values keep the field's rules. */
export function arbitraryJson(desc: DescMessage, depth = 0): fc.Arbitrary<JsonValue> {
  const wellKnown = wellKnownJson(desc);
  if (wellKnown !== undefined) return wellKnown;
  const chosen = new Map<string, DescField[]>(); // of a oneof, at most one
  const fields: Record<string, fc.Arbitrary<JsonValue>> = {};
  for (const field of desc.fields) {
    if (depth >= 3 && field.message !== undefined) continue;
    if (field.oneof !== undefined) {
      const group = chosen.get(field.oneof.name);
      if (group === undefined) chosen.set(field.oneof.name, [field]);
      else group.push(field);
    } else fields[field.jsonName] = fieldJson(field, depth);
  }
  const own = fc.record(fields, { requiredKeys: [] });
  const oneofs = [...chosen.values()].map((group) =>
    fc.oneof(
      { weight: 1, arbitrary: fc.constant({}) },
      ...group.map((field) => ({
        weight: 3,
        arbitrary: fieldJson(field, depth).map((value) => ({ [field.jsonName]: value })),
      })),
    ),
  );
  return fc
    .tuple(own, ...oneofs)
    .map((parts): JsonObject => parts.reduce<JsonObject>((whole, part) => ({ ...whole, ...part }), {}));
}

function fieldJson(field: DescField, depth: number): fc.Arbitrary<JsonValue> {
  const rules = hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
  switch (field.fieldKind) {
    case 'scalar':
      return scalarJson(field.scalar, rules);
    case 'enum':
      return enumJson(field.enum.values.map(({ name }) => name));
    case 'message':
      return fc.oneof(
        { weight: 8, arbitrary: fc.constant(undefined).chain(() => arbitraryJson(field.message, depth + 1)) },
        { weight: 1, arbitrary: fc.constant(null) },
      );
    case 'list': {
      const items = rules?.type.case === 'repeated' ? rules.type.value : undefined;
      const item =
        field.listKind === 'message'
          ? arbitraryJson(field.message, depth + 1)
          : field.listKind === 'enum'
            ? enumJson(field.enum.values.map(({ name }) => name))
            : scalarJson(field.scalar, items?.items);
      const kept = fc.array(item, { minLength: Math.min(Number(items?.minItems ?? 0), 3), maxLength: 4 });
      if (field.listKind === 'message') return kept;
      const many = item.map((value) => Array<JsonValue>(300).fill(value));
      return fc.oneof({ weight: 12, arbitrary: kept }, { weight: 1, arbitrary: many });
    }
    case 'map': {
      const value =
        field.mapKind === 'message'
          ? arbitraryJson(field.message, depth + 1)
          : field.mapKind === 'enum'
            ? enumJson(field.enum.values.map(({ name }) => name))
            : scalarJson(field.scalar, undefined);
      return fc.dictionary(fc.string(), value, { maxKeys: 4 });
    }
  }
}

function scalarJson(scalar: ScalarType, rules: FieldRules | undefined): fc.Arbitrary<JsonValue> {
  switch (scalar) {
    case ScalarType.STRING:
      return stringJson(rules);
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return fc.oneof(
        fc.double().map((value) => (Number.isFinite(value) ? value : 'NaN')),
        fc.constantFrom('Infinity', '-Infinity', '1e3'),
      );
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return fc.oneof(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.constantFrom('-9223372036854775808', '9223372036854775807'),
      );
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return fc.nat({ max: 4_294_967_295 });
    default:
      return fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer(), fc.constantFrom(-2_147_483_648, 2_147_483_647));
  }
}

function stringJson(rules: FieldRules | undefined): fc.Arbitrary<string> {
  const nasty = fc.constantFrom(
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\u202e',
    '\ud83d\ude00',
    '%',
    "'; --",
    '\\',
    '../..',
    '1e400',
    'NaN',
    '\ufeff',
    'İ',
    '𝒳'.repeat(50),
    'a'.repeat(5_000),
  );
  const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), nasty);
  if (rules?.type.case !== 'string') return anything;
  const { minLen, maxLen, pattern, prefix, wellKnown } = rules.type.value;
  const kept =
    wellKnown.case === 'email'
      ? fc.emailAddress()
      : wellKnown.case === 'uri'
        ? fc.webUrl({ validSchemes: [prefix.startsWith('http:') ? 'http' : 'https'] })
        : pattern !== ''
          ? fc.stringMatching(new RegExp(pattern, 'u'))
          : fc.string({
              unit: 'grapheme',
              minLength: Number(minLen),
              maxLength: Math.max(Number(minLen), Math.min(Number(maxLen) || 100, 300)),
            });
  return fc.oneof({ weight: 3, arbitrary: kept }, { weight: 1, arbitrary: anything });
}

function enumJson(names: readonly string[]): fc.Arbitrary<JsonValue> {
  return fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: fc.integer() });
}

function wellKnownJson(desc: DescMessage): fc.Arbitrary<JsonValue> | undefined {
  switch (desc.typeName) {
    case 'google.protobuf.Timestamp':
      return fc
        .date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
        .map((date) => date.toISOString());
    case 'google.protobuf.Duration':
      return fc.integer({ min: -315_576_000_000, max: 315_576_000_000 }).map((seconds) => `${seconds}s`);
    case 'google.protobuf.FieldMask':
      return fc.oneof(
        fc
          .array(
            fc.constantFrom(
              'title',
              'variants',
              'displayName',
              'status',
              'id',
              'vendorId',
              '*',
              'nope',
              'product.title',
            ),
            { maxLength: 4 },
          )
          .map((paths) => paths.join(',')),
        fc.string(),
      );
    case 'google.protobuf.Struct':
      return fc.dictionary(
        fc.string(),
        fc.jsonValue().map((value) => value as JsonValue),
      );
    case 'google.protobuf.Value':
      return fc.jsonValue().map((value) => value as JsonValue);
    default:
      return undefined;
  }
}

/** Puts a value somewhere into JSON: `path` picks a member on each level, or a field that doesn't exist. */
function replaceAt(json: JsonValue, [pick = 0, ...rest]: readonly number[], value: JsonValue): JsonValue {
  if (typeof json !== 'object' || json === null) return value;
  if (Array.isArray(json)) {
    if (json.length === 0) return [value];
    const index = pick % json.length;
    return json.map((item, i) => (i === index ? (rest.length === 0 ? value : replaceAt(item, rest, value)) : item));
  }
  const keys = [...Object.keys(json), 'unknownField'];
  const key = keys[pick % keys.length] ?? 'unknownField';
  return { ...json, [key]: rest.length === 0 ? value : replaceAt(json[key] ?? null, rest, value) };
}
