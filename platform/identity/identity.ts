import type { Logger } from 'pino';
import type { TlsMaterial } from '../rpc/tls.ts';
import { type CertificateFiles, openCertificateFiles } from './certificate-files.ts';
import { openDevelopmentAuthority } from './development-authority.ts';
import { holdMaterial, type Identity } from './material.ts';
import { type Mesh, spiffeIdOf } from './spiffe.ts';

export type IdentityOptions = {
  /** Where the development CA lies, or is made. */
  readonly dataDir: string;
  readonly mesh: Mesh;
  readonly workload: string;
  readonly now: () => Date;
  readonly log: Logger;
  /** Certificates from elsewhere, such as a mounted secret: then there is no development CA. */
  readonly files?: CertificateFiles | undefined;
};

const lifetimeMs = 24 * 3_600_000; // a stolen key is worth little tomorrow
const renewAfter = 0.6; // of the lifetime, which leaves 9 hours to notice that it doesn't work
const checkEveryMs = 60_000; // not one long timer: a laptop's sleep would stop it

/** Opens the identity of a workload: from certificate files when given, else from the development CA under `dataDir`. */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { dataDir, mesh, workload, now, log, files } = options;
  const spiffeId = spiffeIdOf(mesh, workload);
  if (files !== undefined) return openCertificateFiles({ files, spiffeId, now, log });

  const authority = await openDevelopmentAuthority(dataDir, now());
  let issuedMs = 0;
  const issue = (): TlsMaterial => {
    issuedMs = now().getTime();
    return { ca: authority.ca, ...authority.issue({ workload, spiffeId, now: now(), lifetimeMs }) };
  };
  const held = holdMaterial(issue());
  const timer = setInterval(() => {
    if (now().getTime() - issuedMs < lifetimeMs * renewAfter) return;
    held.replace(issue());
    log.info({ spiffeId }, 'certificate renewed');
  }, checkEveryMs).unref();
  return { spiffeId, tls: held.tls, close: () => clearInterval(timer) };
}
