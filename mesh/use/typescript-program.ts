import { relative, resolve } from 'node:path';
import ts from 'typescript';

export type ProgramOptions = {
  /** The folder of tsconfig.json. */
  readonly root: string;
  /** Which of the files that it includes, by path from the root. */
  includes(path: string): boolean;
  /** Texts of further files, by path from the root, which needn't be there. For tests. */
  readonly more?: Readonly<Record<string, string>>;
};

/** The code as the compiler sees it; nothing is written. Only what is asked for is checked. */
export function createProgram({ root, includes, more = {} }: ProgramOptions): ts.Program {
  const { fileNames, options, errors } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(resolve(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config,
    ts.sys,
    root,
  );
  const [error] = errors;
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'));
  const texts = new Map(Object.entries(more).map(([path, text]) => [resolve(root, path), text]));
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (path) => texts.get(path) ?? readFile(path);
  host.fileExists = (path) => texts.has(path) || fileExists(path);
  host.getSourceFile = (path, version, ...rest) => {
    const text = texts.get(path);
    return text === undefined ? getSourceFile(path, version, ...rest) : ts.createSourceFile(path, text, version);
  };
  const rootNames = [...fileNames.filter((path) => includes(pathIn(root, path))), ...texts.keys()];
  return ts.createProgram({ rootNames, options, host });
}

/** The path of a file from the root, with slashes. */
export function pathIn(root: string, path: string): string {
  return relative(root, path).replaceAll('\\', '/');
}
