import { type DescMessage, type JsonObject, type JsonValue, type MessageShape, toJson } from '@bufbuild/protobuf';
import { isSensitive } from './sensitive.ts';
import { isReflectMessage, reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';

const hidden = '[redacted]';

/**
 * A message as JSON for a log, by the contract's field names, with "[redacted]" for each field that the contract marks
 * `debug_redact`: passwords, tokens and personal data. Never throws: what isn't valid is named by its type alone.
 */
export function redacted<S extends DescMessage>(schema: S, message: MessageShape<S>): JsonValue {
  try {
    const json: JsonValue = toJson(schema, message, { useProtoFieldName: true });
    hide(reflect(schema, message), json);
    return json;
  } catch {
    return schema.typeName;
  }
}

/** JSON that no contract describes, such as a task's body, with "[redacted]" for each member whose name says that it isn't for logs. */
export function redactedJson(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(redactedJson);
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => [name, isSensitive(name) ? hidden : redactedJson(value)]),
  );
}

/** Overwrites the marked fields in `json`, which is the JSON of `message`. */
function hide(message: ReflectMessage, json: JsonValue | undefined): void {
  if (!isObject(json)) return; // Timestamp and the like are no objects in JSON, and hold nothing to hide
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.proto.options?.debugRedact === true) {
      json[field.name] = hidden;
    } else if (field.fieldKind === 'message') {
      hide(message.get(field), json[field.name]);
    } else if (field.fieldKind === 'list' || field.fieldKind === 'map') {
      const inner = json[field.name];
      for (const [key, item] of message.get(field).entries()) {
        if (isReflectMessage(item)) hide(item, memberOf(inner, key));
      }
    }
  }
}

/** An item of a list or a map. */
function memberOf(json: JsonValue | undefined, key: unknown): JsonValue | undefined {
  if (Array.isArray(json)) return json[Number(key)];
  return isObject(json) ? json[String(key)] : undefined;
}

function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
