import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { StartError } from '#platform/start-error.ts';
import type { DescFile } from '@bufbuild/protobuf';
import { loadContracts } from '../load.ts';
import { createModel, type MeshModel } from '../model.ts';
import { rolesIn, shopRoles } from '../roles.ts';

/** What a command says, and with which exit code: 0 is well, 1 is found something. 2, it can't be answered, is a StartError. */
export type Outcome = { readonly text: string; readonly code: 0 | 1 };

export type Command = {
  /** What stands behind its name, such as "METHOD". */
  readonly usage: string;
  /** One line. */
  readonly about: string;
  /** The rest of its --help. */
  readonly more: string;
  run(args: readonly string[]): Outcome | Promise<Outcome>;
};

/** What the contracts say. */
export type Mesh = {
  readonly files: readonly DescFile[];
  readonly model: MeshModel;
  readonly roles: readonly string[];
};

/** The folder of the contracts. */
export const protoRoot = 'proto';

/** The contracts of what buf takes as an input: a folder, or an archive. */
export function openMesh(input: string): Mesh {
  const files = compiled(input);
  return { files, model: createModel(files), roles: rolesIn(files, shopRoles) };
}

let ours: Mesh | undefined;

/** The contracts of the working tree, read once a process. */
export function ourMesh(): Mesh {
  return (ours ??= openMesh(protoRoot));
}

function compiled(input: string): readonly DescFile[] {
  try {
    return loadContracts(input);
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new StartError(`The contracts don’t compile:\n${said}`, { cause: error });
  }
}

/** Reads a command's arguments. Throws a StartError when they make no sense. */
export function readArguments<const T extends ParseArgsOptionsConfig>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
