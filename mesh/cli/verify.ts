import { parseAllDocuments } from 'yaml';
import type { Finding } from '../contracts/finding.ts';
import type { MeshModel } from '../model.ts';
import type { Rendered } from '../render.ts';

/** The files of gen/mesh as they are, by path. */
export type Present = ReadonlyMap<string, string>;

/** What of gen/mesh is not as the contracts render it: each file with the first line that differs. */
export function differences(rendered: readonly Rendered[], present: Present): readonly Finding[] {
  const paths = rendered.map(({ path }) => path);
  const twice = paths.filter((path, index) => paths.indexOf(path) !== index);
  return [
    ...twice.map((path) => found(path, 'rendered-twice', 'is rendered by two planes: give it two names')),
    ...rendered.flatMap(({ path, text }) => {
      const actual = present.get(path);
      if (actual === undefined) return [found(path, 'missing', 'is not there: npm run generate')];
      return actual === text ? [] : [differs(path, text, actual)];
    }),
    ...[...present.keys()]
      .filter((path) => !paths.includes(path))
      .map((path) => found(path, 'left-over', 'is rendered by nothing: npm run generate takes it away')),
  ];
}

function differs(path: string, text: string, actual: string): Finding {
  const [expected, lines] = [text.split('\n'), actual.split('\n')];
  const first = expected.findIndex((line, index) => line !== lines[index]);
  const index = first < 0 ? expected.length : first;
  const [has, renders] = [lines[index], expected[index]].map((line) =>
    line === undefined ? 'nothing more' : quoted(line),
  );
  const problem = `has ${has} where the contracts render ${renders}: npm run generate`;
  return found(`${path}:${index + 1}`, 'differs', problem);
}

const longest = 120; // a line of a page may hold a whole picture

function quoted(line: string): string {
  const text = line.trim();
  return JSON.stringify(text.length > longest ? `${text.slice(0, longest)}…` : text);
}

const methodPath = /(?<![\w.])(?:[a-z]\w*\.)+[A-Z]\w*\/[A-Z]\w*/g;
const identity = /spiffe:\/\/[\w.-]+\/ns\/[\w-]+\/sa\/([\w-]+)/g;

/**
 * What in any plane's file can't be, whoever wrote it: a method or an identity that no contract knows, a file that doesn't parse.
 * `others` are identities from outside the mesh, such as an ingress's.
 */
export function structureFindings(model: MeshModel, present: Present, others: readonly string[]): readonly Finding[] {
  const methods = new Set(model.methods.map(({ path }) => path));
  const names = new Set([...model.workloads.map(({ name }) => name), ...others]);
  return [...present].flatMap(([path, text]) => {
    const broken = parseProblem(path, text);
    return [
      ...(broken === undefined ? [] : [found(path, 'unreadable', broken)]),
      ...unknown(text, methodPath, methods).map(({ line, said }) =>
        found(`${path}:${line}`, 'unknown-method', `names ${said}, a method that no contract has`),
      ),
      ...unknown(text, identity, names).map(({ line, said }) =>
        found(`${path}:${line}`, 'unknown-identity', `names ${said}, a workload that no contract knows`),
      ),
    ];
  });
}

/** Where a text says what is not known. The last group of the pattern, or all of it, is the name. */
function unknown(text: string, pattern: RegExp, known: ReadonlySet<string>) {
  return [...text.matchAll(pattern)].flatMap((match) => {
    const said = match.at(-1) ?? '';
    return known.has(said) ? [] : [{ said, line: text.slice(0, match.index).split('\n').length }];
  });
}

function parseProblem(path: string, text: string): string | undefined {
  try {
    if (path.endsWith('.json')) JSON.parse(text);
    if (!path.endsWith('.yaml')) return undefined;
    const errors = parseAllDocuments(text).flatMap((document) => ('errors' in document ? document.errors : []));
    return errors[0]?.message;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function found(path: string, rule: string, problem: string): Finding {
  return { where: `gen/mesh/${path}`, rule, problem };
}
