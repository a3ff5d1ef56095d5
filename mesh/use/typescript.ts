import ts from 'typescript';
import type { MeshModel } from '../model.ts';
import { createProgram, pathIn } from './typescript-program.ts';
import type { Call } from './use.ts';

export type CallsOptions = {
  readonly root: string;
  readonly model: MeshModel;
  /** Which of the files there; all unless told. For tests. */
  readonly reads?: (path: string) => boolean;
  /** Texts of further files, by path from the root. For tests. */
  readonly more?: Readonly<Record<string, string>>;
};

const tests = /(\.test|\.contract|\.testing|\/testing)\.ts$/;

/**
 * The calls that the TypeScript of services/ and tools/ makes by typed clients, tests left out. A client's methods carry the mark of
 * platform/rpc/client-for.ts; one that came about by a cast has lost it, and is known by its shape.
 */
export function typescriptCalls({ root, model, reads = () => true, more = {} }: CallsOptions): readonly Call[] {
  const isOurs = (path: string): boolean => /^(services|tools)\//.test(path) && !tests.test(path);
  const program = createProgram({ root, includes: (path) => isOurs(path) && reads(path), more });
  const checker = program.getTypeChecker();
  const names = new Set(model.methods.map(({ name }) => `${name.charAt(0).toLowerCase()}${name.slice(1)}`));
  const calls: Call[] = [];

  function visit(file: ts.SourceFile, path: string, node: ts.Node): void {
    if (isReference(node, names)) {
      const method = methodOf(checker, node);
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      if (method !== undefined) calls.push({ by: callersAt(path, model), method, at: `${path}:${line + 1}` });
    }
    ts.forEachChild(node, (child) => visit(file, path, child));
  }

  for (const file of program.getSourceFiles()) {
    const path = pathIn(root, file.fileName);
    if (isOurs(path)) visit(file, path, file);
  }
  return calls;
}

/** A service's folder is named like its workload; what stands beside the folders runs as any of them; commands are the operator's. */
function callersAt(path: string, { workloads }: MeshModel): readonly string[] {
  const [top, folder, ...rest] = path.split('/');
  if (top === 'tools') return ['operator'];
  if (rest.length > 0) return [folder ?? ''];
  return workloads.filter(({ kind }) => kind === 'service').map(({ name }) => name);
}

/** `client.getCart`, called or handed on, or `getCart(…)` of what was taken apart before. */
function isReference(node: ts.Node, names: ReadonlySet<string>): node is ts.Expression {
  if (ts.isPropertyAccessExpression(node)) return names.has(node.name.text);
  if (ts.isElementAccessExpression(node)) return true; // by a name that only the type may tell
  return (
    ts.isIdentifier(node) && names.has(node.text) && ts.isCallExpression(node.parent) && node.parent.expression === node
  );
}

function methodOf(checker: ts.TypeChecker, node: ts.Expression): string | undefined {
  const type = checker.getTypeAtLocation(node);
  const mark = type.getProperty('grantedBy');
  if (mark === undefined) return answerOf(checker, type);
  const marked = checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(mark, node));
  const text = marked.isStringLiteral() ? marked.value : undefined;
  return text?.split(' to ')[0];
}

/** What a method of Connect's Client answers: it alone takes CallOptions, and gives a promise or a stream of one message. */
function answerOf(checker: ts.TypeChecker, type: ts.Type): string | undefined {
  for (const signature of type.getCallSignatures()) {
    const options = signature.getParameters()[1];
    if (options === undefined) continue;
    const taken = checker.getNonNullableType(checker.getTypeOfSymbol(options));
    if ((taken.aliasSymbol ?? taken.getSymbol())?.getName() !== 'CallOptions') continue;
    const [answer] = checker.getTypeArguments(signature.getReturnType() as ts.TypeReference);
    const named = answer?.getProperty('$typeName');
    const name = named && checker.getTypeOfSymbol(named);
    if (name?.isStringLiteral() === true) return name.value;
  }
  return undefined;
}
