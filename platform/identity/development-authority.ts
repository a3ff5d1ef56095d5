import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createRoot, type Issuer, issueCertificate, type KeyPair } from './certificate.ts';

/** Signs the certificates of the workloads on this machine. For development: its key lies on the disk, readable by its owner. */
export type DevelopmentAuthority = {
  /** The root certificate in PEM. */
  readonly ca: string;
  issue(options: {
    readonly workload: string;
    readonly spiffeId: string;
    readonly now: Date;
    readonly lifetimeMs: number;
  }): KeyPair;
};

const rootName = 'Only2U development CA';
const rootYears = 10; // longer than anybody keeps a data folder
const skewMs = 5 * 60_000; // a certificate is good for a peer whose clock is this late
const leftoverMs = 60_000; // making an authority takes milliseconds; what is older was left by a process that was killed

/**
 * Opens the authority under `dataDir`, making it when there is none. Its folder appears whole, by one rename that
 * fails when another process was first: a process killed at any moment leaves no half of one, and two never make two.
 */
export async function openDevelopmentAuthority(dataDir: string, now: Date): Promise<DevelopmentAuthority> {
  const folder = join(dataDir, 'ca');
  const root = (await readRoot(folder)) ?? (await makeRoot(folder, now)) ?? (await readRoot(folder));
  if (root === undefined) throw new Error(`${folder} vanished while it was read.`);
  const issuer = issuerOf(root, folder, now);
  return {
    ca: root.cert,
    issue: ({ workload, spiffeId, now: from, lifetimeMs }) =>
      issueCertificate({
        issuer,
        name: workload,
        spiffeId,
        hosts: ['localhost', workload, '127.0.0.1', '::1'],
        notBefore: new Date(from.getTime() - skewMs),
        notAfter: new Date(from.getTime() + lifetimeMs),
      }),
  };
}

async function readRoot(folder: string, again = true): Promise<KeyPair | undefined> {
  try {
    const [cert, key] = await Promise.all([
      readFile(join(folder, 'cert.pem'), 'utf8'),
      readFile(join(folder, 'key.pem'), 'utf8'),
    ]);
    return { cert, key };
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
    if (!(await exists(folder))) return undefined;
    if (again) return readRoot(folder, false); // another process may have made it since
    throw broken(folder, error);
  }
}

/** Makes a root; undefined when another process made one meanwhile. */
async function makeRoot(folder: string, now: Date): Promise<KeyPair | undefined> {
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
  await removeLeftovers(folder, now);
  const root = createRoot(rootName, new Date(now.getTime() - skewMs), yearsAfter(now, rootYears));
  const draft = await mkdtemp(`${folder}.new-`);
  try {
    await chmod(draft, 0o700);
    await writeThrough(join(draft, 'cert.pem'), root.cert);
    await writeThrough(join(draft, 'key.pem'), root.key);
    await syncFolder(draft);
    await rename(draft, folder);
    await syncFolder(dirname(folder));
    return root;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST', 'EPERM'].some((code) => isCode(error, code)) && (await exists(folder)))
      return undefined;
    throw error;
  }
}

async function removeLeftovers(folder: string, now: Date): Promise<void> {
  const parent = dirname(folder);
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    if (!path.startsWith(`${folder}.new-`)) continue;
    const age = await stat(path).then(
      ({ mtimeMs }) => now.getTime() - mtimeMs,
      () => 0, // its process has just finished with it
    );
    if (age > leftoverMs) await rm(path, { recursive: true, force: true });
  }
}

function issuerOf({ cert, key }: KeyPair, folder: string, now: Date): Issuer {
  let certificate: X509Certificate;
  let privateKey;
  try {
    certificate = new X509Certificate(cert);
    privateKey = createPrivateKey(key);
  } catch (error) {
    throw broken(folder, error);
  }
  if (!certificate.ca || !certificate.checkPrivateKey(privateKey)) throw broken(folder, undefined);
  if (certificate.validToDate < now)
    throw new Error(`The development CA in ${folder} has expired: remove the folder and start again.`);
  return { name: rootName, key: privateKey };
}

function broken(folder: string, cause: unknown): Error {
  return new Error(`The development CA in ${folder} is broken: remove the folder and start again, a new one is made.`, {
    cause,
  });
}

async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return; // has no such thing
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function yearsAfter(now: Date, years: number): Date {
  const then = new Date(now);
  then.setUTCFullYear(then.getUTCFullYear() + years);
  return then;
}

function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
