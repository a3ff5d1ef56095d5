import { isUtf8 } from 'node:buffer';
import {
  type DescField,
  type DescMessage,
  fromJson,
  fromJsonString,
  type JsonValue,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import { Fault, type FieldViolation, invalidField } from '#platform/fault.ts';

const maxDepth = 64; // our contracts nest 5 deep; google.protobuf.Value may nest further
const maxValues = 100_000; // the largest product has some 5,000; a million empty objects took 0.6 s to refuse otherwise
const maxViolations = 16;
const [quote, backslash, comma, openBrace, closeBrace, openBracket, closeBracket] = Buffer.from('"\\,{}[]');

/**
 * Decodes a request from JSON as the contract reads it: unknown fields, duplicate fields and wrong types are refused,
 * each named by its path in the request, such as "product.variants[2].price".
 */
export function decodeJson(desc: DescMessage, bytes: Buffer): Message {
  if (!isUtf8(bytes)) {
    throw new Fault('invalid-argument', 'INVALID_UTF8', 'The body is not valid UTF-8. Send JSON encoded in UTF-8.');
  }
  checkShape(bytes);
  const text = bytes.toString('utf8');
  try {
    return fromJsonString(desc, text);
  } catch (error) {
    throw explain(desc, text, error);
  }
}

/** Decodes and encodes again: the canonical bytes of the request. */
export function jsonToBinary(desc: DescMessage, bytes: Buffer): Uint8Array {
  return toBinary(desc, decodeJson(desc, bytes));
}

/** Refuses JSON that nests deep or holds very many values. Looks at bytes only, so that a bomb costs no memory. */
export function checkShape(json: Uint8Array): void {
  let depth = 0;
  let values = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (inString) {
      if (byte === backslash) i++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === comma) values++;
    else if (byte === openBrace || byte === openBracket) {
      values++;
      if (++depth > maxDepth) throw tooMuch('JSON_TOO_DEEP', `nests more than ${maxDepth} levels deep`, maxDepth);
    } else if (byte === closeBrace || byte === closeBracket) depth--;
  }
  if (values > maxValues) throw tooMuch('JSON_TOO_MANY_VALUES', `holds more than ${maxValues} values`, maxValues);
}

function tooMuch(reason: string, what: string, limit: number): Fault {
  return new Fault('invalid-argument', reason, `The JSON ${what}.`, { metadata: { limit: String(limit) } });
}

/** Finds which fields of a refused request are wrong. Only refused requests pay for the second look. */
function explain(desc: DescMessage, text: string, cause: unknown): Fault {
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch (error) {
    const where = error instanceof Error ? error.message : 'it ends too early';
    return new Fault('invalid-argument', 'MALFORMED_JSON', `The body is not valid JSON: ${clip(where, 200)}`, {
      cause,
    });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return new Fault(
      'invalid-argument',
      'MALFORMED_JSON',
      `The body has to be a JSON object, the fields of ${desc.typeName}.`,
      { cause },
    );
  }
  const violations: FieldViolation[] = [];
  inspectMessage(desc, json, '', violations);
  const [first] = violations;
  if (first === undefined) {
    // What no single field shows: a key written twice.
    const key = /duplicate object key "(.{1,100})"/.exec(messageOf(cause))?.[1];
    if (key !== undefined) return invalidField(key, 'DUPLICATE_FIELD', 'is given more than once. Send it once.');
    return new Fault('invalid-argument', 'INVALID_JSON_VALUE', clip(messageOf(cause), 300), { cause });
  }
  return new Fault('invalid-argument', first.reason ?? 'INVALID_JSON_VALUE', `${first.field}: ${first.description}`, {
    metadata: { field: first.field },
    fields: violations,
    cause,
  });
}

type JsonObject = { readonly [key: string]: JsonValue };

function inspectMessage(desc: DescMessage, json: JsonObject, path: string, found: FieldViolation[]): void {
  const seen = new Map<DescField, string>();
  const oneofs = new Map<string, string>();
  for (const [key, value] of Object.entries(json)) {
    if (found.length >= maxViolations) return;
    const field = desc.fields.find((candidate) => candidate.jsonName === key || candidate.name === key);
    const at = path === '' ? clip(key, 100) : `${path}.${clip(key, 100)}`;
    if (field === undefined) {
      found.push({ field: at, reason: 'UNKNOWN_FIELD', description: `is no field of ${desc.typeName}. Leave it out.` });
      continue;
    }
    const before = seen.get(field) ?? (field.oneof && value !== null ? oneofs.get(field.oneof.name) : undefined);
    if (before !== undefined) {
      found.push({
        field: at,
        reason: 'DUPLICATE_FIELD',
        description: `can't be given together with ${before}. Send one of them.`,
      });
      continue;
    }
    seen.set(field, key);
    if (field.oneof && value !== null) oneofs.set(field.oneof.name, key);
    inspectField(desc, field, value, at, found);
  }
}

function inspectField(
  desc: DescMessage,
  field: DescField,
  value: JsonValue,
  path: string,
  found: FieldViolation[],
): void {
  const problem = problemOf(desc, field.jsonName, value);
  if (problem === undefined) return;
  const known = found.length;
  if (field.fieldKind === 'list' && Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      if (found.length >= maxViolations) return;
      const at = `${path}[${index}]`;
      if (field.listKind === 'message' && isObject(item) && !isWellKnown(field.message))
        inspectMessage(field.message, item, at, found);
      else reportIf(problemOf(desc, field.jsonName, [item]), at, found);
    }
  } else if (field.fieldKind === 'map' && isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      if (found.length >= maxViolations) return;
      const at = `${path}["${clip(key, 100)}"]`;
      if (field.mapKind === 'message' && isObject(item) && !isWellKnown(field.message))
        inspectMessage(field.message, item, at, found);
      else reportIf(problemOf(desc, field.jsonName, { [key]: item }), at, found);
    }
  } else if (field.fieldKind === 'message' && isObject(value) && !isWellKnown(field.message)) {
    inspectMessage(field.message, value, path, found);
  }
  if (found.length === known) reportIf(problem, path, found);
}

function reportIf(problem: string | undefined, path: string, found: FieldViolation[]): void {
  if (problem !== undefined) found.push({ field: path, reason: 'INVALID_JSON_VALUE', description: problem });
}

/** What is wrong with one field's value, or undefined. */
function problemOf(desc: DescMessage, key: string, value: JsonValue): string | undefined {
  try {
    fromJson(desc, { [key]: value });
    return undefined;
  } catch (error) {
    return clip(messageOf(error).replace(/^cannot decode (?:field|message|enum) \S+ from JSON:? ?/, ''), 200);
  }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Timestamp, Struct and the like: their JSON is no object of their fields. */
function isWellKnown(desc: DescMessage): boolean {
  return desc.typeName.startsWith('google.protobuf.');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
