import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createRoot, issueCertificate, type KeyPair } from './certificate.ts';
import { exists, isCode, removeLeftovers, syncFolder, writeThrough } from './durable-files.ts';
import { keepLeaf, readLeaf } from './kept-leaf.ts';

type LeafRequest = {
  readonly workload: string;
  readonly spiffeId: string;
  readonly now: Date;
};

/** Signs the certificates of the workloads on this machine. For development: its key lies on the disk, readable by its owner. */
export type DevelopmentAuthority = {
  /** The root certificate in PEM. */
  readonly ca: string;
  /** The certificate of a workload: the one kept on the disk until it is time to renew it, else a new one that is kept there. */
  certificateOf(request: LeafRequest): Promise<KeyPair>;
  /** A new certificate of a workload, which is kept nowhere. */
  issue(request: LeafRequest): Promise<KeyPair>;
};

const rootName = 'Only2U development CA';
const rootYears = 10; // longer than anybody keeps a data folder
const lifetimeMs = 24 * 3_600_000; // a stolen key is worth little tomorrow
const skewMs = 5 * 60_000; // a certificate is good for a peer whose clock is this late

/**
 * Opens the authority under `dataDir`, making it when there is none. Its folder appears whole, by one rename that
 * fails when another process was first: a process killed at any moment leaves no half of one, and two never make two.
 */
export async function openDevelopmentAuthority(dataDir: string, now: Date): Promise<DevelopmentAuthority> {
  const folder = join(dataDir, 'ca');
  const root = (await readRoot(folder)) ?? (await makeRoot(folder, now)) ?? (await readRoot(folder));
  if (root === undefined) throw new Error(`${folder} vanished while it was read.`);
  const authority = checkRoot(root, folder, now);
  const issue = ({ workload, spiffeId, now: from }: LeafRequest): Promise<KeyPair> =>
    issueCertificate({
      issuer: root,
      name: workload,
      spiffeId,
      hosts: ['localhost', workload, '127.0.0.1', '::1'],
      notBefore: new Date(from.getTime() - skewMs),
      notAfter: new Date(from.getTime() + lifetimeMs),
    });
  return {
    ca: root.cert,
    issue,
    async certificateOf(request) {
      const file = join(folder, 'issued', `${request.workload}.pem`); // with the CA, so that they go together
      const kept = await readLeaf({ file, authority, ...request });
      if (kept !== undefined) return kept;
      const leaf = await issue(request);
      await keepLeaf(file, leaf, request.now);
      return leaf;
    },
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
  await removeLeftovers(`${folder}.new-`, now);
  const root = await createRoot({
    name: rootName,
    notBefore: new Date(now.getTime() - skewMs),
    notAfter: yearsAfter(now, rootYears),
  });
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

function checkRoot({ cert, key }: KeyPair, folder: string, now: Date): X509Certificate {
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
  return certificate;
}

function broken(folder: string, cause: unknown): Error {
  return new Error(`The development CA in ${folder} is broken: remove the folder and start again, a new one is made.`, {
    cause,
  });
}

function yearsAfter(now: Date, years: number): Date {
  const then = new Date(now);
  then.setUTCFullYear(then.getUTCFullYear() + years);
  return then;
}
