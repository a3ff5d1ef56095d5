import { Document, isNode, type Node, Scalar, stringify, YAMLMap, YAMLSeq } from 'yaml';

/** A document of a file: plain values, and what `said`, `before` and `inline` made of some of them. */
export type YamlDocument = Readonly<Record<string, unknown>>;

const layout = { lineWidth: 0, flowCollectionPadding: false, indentSeq: true } as const;
const noAliases = { aliasDuplicateObjects: false } as const;
const nodes = new Document();

/** A file of several documents that begins with a comment, such as what it is for. */
export function yamlFile(heading: string, documents: readonly YamlDocument[]): string {
  const texts = documents.map((document) => stringify(nodes.createNode(document, noAliases), layout));
  return `${comment(heading).replace(/^/gm, '#')}\n${texts.join('---\n')}`;
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
