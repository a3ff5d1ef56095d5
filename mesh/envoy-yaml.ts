import { Document, type Node, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml';

/** What a configuration is made of; undefined values are left out. */
export type Yaml = string | number | boolean | readonly Yaml[] | YamlObject;
export type YamlObject = { readonly [key: string]: Yaml | undefined };

const comments = new WeakMap<object, string>();
const flows = new WeakSet<object>();

/** The same value with a comment above it. */
export function said<T extends YamlObject | readonly Yaml[]>(comment: string, value: T): T {
  comments.set(value, comment);
  return value;
}

/** The same value, written in one line. */
export function inline<T extends YamlObject | readonly Yaml[]>(value: T): T {
  flows.add(value);
  return value;
}

/** A file, with a comment at its head. */
export function yamlText(head: string, value: YamlObject): string {
  const document = new Document(nodeOf(value));
  document.commentBefore = commented(head);
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

function nodeOf(value: Yaml): Node {
  if (typeof value !== 'object') return new Scalar(value);
  const node = isList(value) ? listOf(value) : mapOf(value);
  node.flow = flows.has(value) || (isList(value) ? value.length === 0 : Object.keys(value).length === 0);
  return node;
}

function listOf(value: readonly Yaml[]): YAMLSeq {
  const list = new YAMLSeq();
  for (const each of value) {
    const item = nodeOf(each);
    item.commentBefore = commentOf(each);
    list.items.push(item);
  }
  return list;
}

function mapOf(value: YamlObject): YAMLMap {
  const map = new YAMLMap();
  for (const [name, each] of Object.entries(value)) {
    if (each === undefined) continue;
    const key = new Scalar(name);
    key.commentBefore = commentOf(each); // a value's own would stand behind its key
    map.items.push(new Pair(key, nodeOf(each)));
  }
  return map;
}

function commentOf(value: Yaml): string | null {
  const comment = typeof value === 'object' ? comments.get(value) : undefined;
  return comment === undefined ? null : commented(comment);
}

function commented(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : ` ${line}`))
    .join('\n');
}

function isList(value: readonly Yaml[] | YamlObject): value is readonly Yaml[] {
  return Array.isArray(value);
}
