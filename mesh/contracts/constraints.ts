import { type DescField, getOption, hasOption, type Message } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import { isReflectList, isReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { field as fieldOption, type FieldRules, FieldRulesSchema, Ignore } from '#gen/buf/validate/validate_pb.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Schema = { readonly [key: string]: Json };

/** What the validation rules of a field say: as JSON Schema, as far as it can, and the rest in words. */
export type Constraints = {
  readonly schema: Schema;
  readonly notes: readonly string[];
  /** Whether a message without the field is refused. */
  readonly required: boolean;
};

/** Renders the validation rules of a field. Throws for a rule that it doesn't know, so that none goes missing unseen. */
export function constraintsOf(field: DescField): Constraints {
  if (!hasOption(field, fieldOption)) return nothing;
  const rules = getOption(field, fieldOption);
  const rendered = render(rules, field.toString());
  const mayBeAbsent = field.presence !== FeatureSet_FieldPresence.IMPLICIT || rules.ignore === Ignore.IF_ZERO_VALUE;
  return { ...rendered, required: rules.required || (rendered.required && !mayBeAbsent) };
}

const nothing: Constraints = { schema: {}, notes: [], required: false };

function render(rules: FieldRules, where: string): Constraints {
  const notes = rules.cel.map((rule) => rule.message);
  const { case: kind, value } = rules.type;
  if (kind === undefined) return { ...nothing, notes };
  return settingsOf(kind, value).reduce<Constraints>(
    (sum, [name, setting]) => {
      const rule = ruleNamed(`${kind}.${name}`) ?? ruleNamed(name);
      if (rule === undefined)
        throw new Error(`${where}: mesh/contracts/constraints.ts doesn't know the rule ${kind}.${name} yet.`);
      const part = rule(setting, where);
      return {
        schema: { ...sum.schema, ...part.schema },
        notes: [...sum.notes, ...(part.notes ?? [])],
        required: sum.required || (part.required ?? false),
      };
    },
    { ...nothing, notes },
  );
}

/** The rules that are set in, say, a StringRules message, by name. */
function settingsOf(kind: string, rules: Message): [string, unknown][] {
  const schema = FieldRulesSchema.fields.find((each) => each.localName === kind)?.message;
  if (schema === undefined) throw new Error(`buf.validate.FieldRules has no ${kind}.`);
  const reflected = reflect(schema, rules);
  return schema.fields.filter((each) => reflected.isSet(each)).map((each) => [each.name, plain(reflected.get(each))]);
}

function plain(value: unknown): unknown {
  if (isReflectList(value)) return [...value].map(plain);
  return isReflectMessage(value) ? value.message : value;
}

type Rule = (value: unknown, where: string) => Partial<Constraints>;

function ruleNamed(name: string): Rule | undefined {
  return known[name];
}

/** By "kind.rule", or by the rule alone where it means the same for every kind. `required` says that it refuses the zero value. */
const known: Readonly<Record<string, Rule>> = {
  example: (value) => ({ schema: { examples: list(value).map(jsonOf) } }),
  const: (value) => ({ schema: { const: jsonOf(value) }, required: isNonZero(value) }),
  in: (value) => ({ schema: { enum: list(value).map(jsonOf) }, required: list(value).every(isNonZero) }),
  not_in: (value) => ({ schema: { not: { enum: list(value).map(jsonOf) } }, required: !list(value).every(isNonZero) }),
  'enum.not_in': (value) => ({ required: list(value).includes(0) }),
  defined_only: () => ({}),
  gte: (value) => bound('minimum', 'At least', value, isPositive(value)),
  gt: (value) => bound('exclusiveMinimum', 'More than', value, isPositive(value) || value === 0),
  lte: (value) => bound('maximum', 'At most', value, false),
  lt: (value) => bound('exclusiveMaximum', 'Less than', value, false),
  min_len: (value) => ({ schema: { minLength: Number(value) }, required: isPositive(value) }),
  max_len: (value) => ({ schema: { maxLength: Number(value) } }),
  len: (value) => ({ schema: { minLength: Number(value), maxLength: Number(value) }, required: isPositive(value) }),
  max_bytes: (value) => ({ schema: { maxLength: Number(value) }, notes: [`At most ${String(value)} bytes in UTF-8.`] }),
  // Base64 makes four characters of three bytes.
  'bytes.max_len': (value) => ({
    schema: { maxLength: Math.ceil(Number(value) / 3) * 4 },
    notes: [`At most ${String(value)} bytes before base64.`],
  }),
  pattern: (value) => ({ schema: { pattern: String(value) }, required: !new RegExp(String(value), 'u').test('') }),
  prefix: (value) => ({ notes: [`Begins with "${String(value)}".`], required: isNonZero(value) }),
  email: () => ({ schema: { format: 'email' }, required: true }),
  uri: () => ({ schema: { format: 'uri' }, required: true }),
  uuid: () => ({ schema: { format: 'uuid' }, required: true }),
  min_items: (value) => ({ schema: { minItems: Number(value) }, required: isPositive(value) }),
  max_items: (value) => ({ schema: { maxItems: Number(value) } }),
  unique: (value) => ({ schema: { uniqueItems: value === true } }),
  items: (value, where) => ({ schema: { items: nested(value, where) } }),
  max_pairs: (value) => ({ schema: { maxProperties: Number(value) } }),
  keys: (value, where) => ({ schema: { propertyNames: nested(value, where) } }),
  values: (value, where) => ({ schema: { additionalProperties: nested(value, where) } }),
};

function nested(rules: unknown, where: string): Schema {
  if (!isFieldRules(rules)) throw new Error(`${where}: not validation rules.`);
  const { schema, notes } = render(rules, where);
  return notes.length > 0 ? { ...schema, description: notes.join(' ') } : schema;
}

function isFieldRules(value: unknown): value is FieldRules {
  return (
    typeof value === 'object' && value !== null && '$typeName' in value && value.$typeName === 'buf.validate.FieldRules'
  );
}

/** JSON Schema can bound numbers alone; 64-bit integers, durations and times are strings in JSON, and bounded in words. */
function bound(keyword: string, words: string, value: unknown, required: boolean): Partial<Constraints> {
  return typeof value === 'number'
    ? { schema: { [keyword]: value }, required }
    : { notes: [`${words} ${textOf(value)}.`], required };
}

function textOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'seconds' in value) return `${String(value.seconds)}s`;
  return String(value);
}

function jsonOf(value: unknown): Json {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : textOf(value);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function isPositive(value: unknown): boolean {
  return (typeof value === 'number' || typeof value === 'bigint') && value > 0;
}

function isNonZero(value: unknown): boolean {
  return value !== '' && value !== 0 && value !== 0n && value !== false;
}
