import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { StartError } from '#platform/start-error.ts';
import { type Command, type Mesh, openMesh, ourMesh, protoRoot, readArguments } from './command.ts';
import { diff } from '../diff/diff.ts';
import { acknowledgedIn, diffText, unacknowledged } from '../diff/text.ts';

const root = resolve(import.meta.dirname, '../..');

export const diffCommand: Command = {
  usage: 'REF|FOLDER [--acknowledge CHANGE]...',
  about: 'what changed since a commit, or against another folder of contracts: what it loosens and what it tightens',
  more: `REF is a commit, branch or tag; FOLDER has protos. The contracts of the working tree are compared with it.
What loosens must be acknowledged: by a line in the message of a commit since REF,

  Loosens: caller-added only2u.cart.v1.CartService/GetCart order

or by --acknowledge 'caller-added only2u.cart.v1.CartService/GetCart order'. The command prints the lines that it misses.
Exit code: 0 nothing loosens, or all of it is acknowledged; 1 something is not.
`,
  run(args) {
    const { values, positionals } = readArguments(args, { acknowledge: { type: 'string', multiple: true } });
    const [from, ...rest] = positionals;
    if (from === undefined || rest.length > 0)
      throw new StartError('diff takes one commit or folder: npm run mesh -- diff HEAD~1');
    const { mesh, messages } = openOld(from);
    const changes = diff(mesh, ourMesh());
    const acknowledged = new Map([
      ...messages.flatMap(({ commit, message }) =>
        acknowledgedIn(message).map((id) => [id, `commit ${commit}`] as const),
      ),
      ...(values.acknowledge ?? []).map((id) => [id, 'the command line'] as const),
    ]);
    const code = unacknowledged(changes, acknowledged).length > 0 ? 1 : 0;
    return { text: diffText(changes, acknowledged, protoRoot), code };
  },
};

type Old = {
  readonly mesh: Mesh;
  /** Of the commits since then. */
  readonly messages: readonly { readonly commit: string; readonly message: string }[];
};

function openOld(from: string): Old {
  const commit = commitOf(from);
  if (commit !== undefined) return { mesh: openCommit(from, commit), messages: messagesSince(commit) };
  if (existsSync(resolve(from))) return { mesh: openMesh(resolve(from)), messages: [] };
  throw new StartError(
    `There is no commit and no folder ${from}. A shallow clone lacks old commits: git fetch --unshallow.`,
  );
}

/** A folder is meant by its path, even where a branch has the same name. */
function commitOf(from: string): string | undefined {
  if (/^[./]/.test(from)) return undefined;
  try {
    return git('rev-parse', '--verify', '--quiet', '--end-of-options', `${from}^{commit}`).trim();
  } catch {
    return undefined;
  }
}

/** By an archive: buf's own git input clones the whole repository, which takes seconds. */
function openCommit(from: string, commit: string): Mesh {
  const folder = mkdtempSync(join(tmpdir(), 'only2u-diff-'));
  try {
    const archive = join(folder, 'contracts.tar');
    try {
      git('archive', '--format=tar', '--output', archive, commit, protoRoot);
    } catch (error) {
      throw new StartError(`${from} has no folder ${protoRoot}.`, { cause: error });
    }
    return openMesh(`${archive}#subdir=${protoRoot}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function messagesSince(commit: string): Old['messages'] {
  return git('log', '--format=%h%x1f%B%x1e', `${commit}..HEAD`)
    .split('\x1e')
    .map((entry) => entry.trim().split('\x1f'))
    .flatMap(([short = '', message]) => (message === undefined ? [] : [{ commit: short, message }]));
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
