import { connect } from 'node:net';
import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { codeOf } from './error-code.ts';
import { StartError } from './start-error.ts';

const longestPathBytes = 103; // what the shortest system, macOS, has room for; Linux has 107

/** Where a service and its sidecar meet, under the mesh's folder. Only its owner may enter: that is what tells the one from everybody else. */
export function socketsOf(folder: string, workload: string): { readonly app: string; readonly mesh: string } {
  const own = join(resolve(folder), workload);
  return { app: join(own, 'app.sock'), mesh: join(own, 'mesh.sock') };
}

/**
 * Makes the place of a socket free: its folder for its owner alone, and no socket in it that a process left behind. Throws a StartError that
 * says what to do when the path can't be used, or somebody listens there.
 */
export async function clearSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > longestPathBytes) {
    throw new StartError(`The socket ${path} has too long a path: set MESH_SOCKETS to a shorter one.`);
  }
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { uid } = await lstat(folder);
  if (process.getuid !== undefined && uid !== process.getuid()) {
    throw new StartError(`The folder ${folder} belongs to another user: set MESH_SOCKETS to one of your own.`);
  }
  await chmod(folder, 0o700); // whoever made it, and however
  const found = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new StartError(`${path} is no socket: move it away, or set MESH_SOCKETS to another folder.`);
  if (await isHeard(path)) {
    throw new StartError(
      `The socket ${path} is in use: stop the process that listens there, or set MESH_SOCKETS to another folder.`,
    );
  }
  await unlink(path);
}

/** Whether somebody listens at the socket; also where that can't be told. */
export function isHeard(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', (error) => done(codeOf(error) !== 'ECONNREFUSED' && codeOf(error) !== 'ENOENT'));
  });
}
