import { mkdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { openIdentity } from '#platform/identity/identity.ts';
import type { Identity } from '#platform/identity/material.ts';
import { localMesh } from '#platform/identity/spiffe.ts';
import type { TlsMaterial } from '#platform/rpc/tls.ts';

export type CertificatesOptions = {
  /** Where the development CA lies. */
  readonly dataDir: string;
  /** Where Envoys look for certificates: <folder>/<workload>/{cert,key}.pem and <folder>/ca.pem. */
  readonly folder: string;
  readonly workloads: readonly string[];
  readonly log: Logger;
  readonly now: () => Date;
  /** Told what couldn't be written. */
  say(text: string): void;
};

/** Writes certificates of one day, and new ones at 60% of that, where Envoys take them from without a restart. */
export async function openCertificates(options: CertificatesOptions): Promise<{ close(): void }> {
  const { dataDir, folder, workloads, log, now, say } = options;
  const identities: Identity[] = await Promise.all(
    workloads.map(async (workload) => {
      const identity = await openIdentity({ dataDir, mesh: localMesh, workload, now, log });
      let writing = writeCertificate(folder, workload, identity.tls.current());
      await writing;
      identity.tls.onChange(() => {
        writing = writing
          .then(() => writeCertificate(folder, workload, identity.tls.current()))
          .then(
            () => say(`${workload} has a new certificate`),
            (error: unknown) => say(`the new certificate of ${workload} can’t be written: ${String(error)}`),
          );
      });
      return identity;
    }),
  );
  return {
    close() {
      for (const identity of identities) identity.close();
    },
  };
}

/**
 * Puts a certificate and its key in place, both by one rename: Envoy watches the workload's folder, and would refuse one with the other's
 * key. The files are links into a folder that is swapped, as Kubernetes does with mounted secrets.
 */
export async function writeCertificate(
  folder: string,
  workload: string,
  { ca, cert, key }: TlsMaterial,
): Promise<void> {
  const own = join(folder, workload);
  await mkdir(own, { recursive: true, mode: 0o700 });
  const issued = `issued-${Date.now()}-${process.pid}`;
  await mkdir(join(own, issued), { mode: 0o700 });
  await writeFile(join(own, issued, 'cert.pem'), cert, { mode: 0o600 });
  await writeFile(join(own, issued, 'key.pem'), key, { mode: 0o600 });
  await writeFile(join(folder, `ca.pem.${workload}`), ca, { mode: 0o600 });
  await rename(join(folder, `ca.pem.${workload}`), join(folder, 'ca.pem'));
  for (const name of ['cert.pem', 'key.pem']) await putLink(join(own, name), join('current', name));
  const before = await readlink(join(own, 'current')).catch(() => undefined);
  await putLink(join(own, 'current'), issued);
  if (before !== undefined && before !== issued) await rm(join(own, before), { recursive: true, force: true });
}

async function putLink(path: string, target: string): Promise<void> {
  if ((await readlink(path).catch(() => undefined)) === target) return;
  await rm(`${path}.new`, { force: true });
  await symlink(target, `${path}.new`);
  await rename(`${path}.new`, path);
}
