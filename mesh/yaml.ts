import { Alias, Document, isNode, type Node, Scalar, stringify, visit, YAMLMap, YAMLSeq } from 'yaml';

/** A document of a file: plain values, and what `said`, `before` and `inline` made of some of them. */
export type YamlDocument = Readonly<Record<string, unknown>>;

const layout = { lineWidth: 0, flowCollectionPadding: false, indentSeq: true } as const;
const noAliases = { aliasDuplicateObjects: false } as const;
const nodes = new Document();

/** A file of several documents that begins with a comment, such as what it is for. */
export function yamlFile(heading: string, documents: readonly YamlDocument[]): string {
  const texts = documents.map((document) => stringify(writtenOnce(nodes.createNode(document, noAliases)), layout));
  return `${comment(heading).replace(/^/gm, '#')}\n${texts.join('---\n')}`;
}

const names = new WeakMap<Node, string>();

/** A map or a list that a document writes out where it comes first, and calls by this name wherever it comes again. */
export function shared(name: string, value: object): Node {
  const node = nodeOf(value);
  names.set(node, name);
  return node;
}

function writtenOnce(document: Node): Node {
  const written = new Set<string>();
  visit(document, (_, node) => {
    const name = isNode(node) ? names.get(node) : undefined;
    if (name === undefined || !(node instanceof YAMLMap)) return undefined;
    if (!written.has(name)) {
      written.add(name);
      node.anchor = name;
      return undefined;
    }
    const again = new Alias(name);
    again.comment = node.commentBefore;
    return again;
  });
  return document;
}

/** A value, or a map or list on one line, with a comment at its end, such as the place in the contract that says so. */
export function said(value: string | number | boolean | object, text: string): Node {
  const node = typeof value === 'object' ? inline(value) : new Scalar(value);
  node.comment = ` ${text}`;
  return node;
}

/** A map or a list with a comment on the lines before it. */
export function before(text: string, value: object): Node {
  const node = nodeOf(value);
  node.commentBefore = comment(text);
  return node;
}

/** A map or a list on one line. */
export function inline(value: object): Node {
  const node = nodeOf(value);
  if (node instanceof YAMLMap || node instanceof YAMLSeq) node.flow = true;
  return node;
}

function nodeOf(value: object): Node {
  return isNode(value) ? value : nodes.createNode(value, noAliases);
}

function comment(text: string): string {
  return text.replace(/^(?=.)/gm, ' ');
}
