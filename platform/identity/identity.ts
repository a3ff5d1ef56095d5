import type { Logger } from 'pino';
import type { TlsMaterial } from '../rpc/tls.ts';
import { type CertificateFiles, openCertificateFiles } from './certificate-files.ts';
import { writingTogether } from './certificate.ts';
import { openDevelopmentAuthority } from './development-authority.ts';
import { renewalOf } from './kept-leaf.ts';
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

const checkEveryMs = 60_000; // not one long timer: a laptop's sleep would stop it

/** Opens the identity of a workload: from certificate files when given, else from the development CA under `dataDir`. */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { dataDir, mesh, workload, now, log, files } = options;
  const spiffeId = spiffeIdOf(mesh, workload);
  if (files !== undefined) return openCertificateFiles({ files, spiffeId, now, log });

  const { authority, first } = await writingTogether(async () => {
    const opened = await openDevelopmentAuthority(dataDir, now());
    return { authority: opened, first: await opened.certificateOf({ workload, spiffeId, now: now() }) };
  });
  const held = holdMaterial({ ca: authority.ca, ...first });
  let renewAt = renewalOf(first.cert);

  async function renew(): Promise<void> {
    const next: TlsMaterial = {
      ca: authority.ca,
      ...(await authority.certificateOf({ workload, spiffeId, now: now() })),
    };
    renewAt = renewalOf(next.cert);
    if (closed) return;
    held.replace(next);
    log.info({ spiffeId }, 'certificate renewed');
  }

  let closed = false;
  let complaint = '';
  let renewing: Promise<void> | undefined;
  const timer = setInterval(() => {
    if (now() < renewAt) return;
    renewing ??= renew()
      .catch((error: unknown) => {
        if (String(error) !== complaint)
          log.error({ err: error, spiffeId }, 'certificate not renewed; tried again every minute');
        complaint = String(error);
      })
      .finally(() => (renewing = undefined));
  }, checkEveryMs).unref();
  return {
    spiffeId,
    tls: held.tls,
    close() {
      closed = true;
      clearInterval(timer);
    },
  };
}
