import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { TlsMaterial } from '../rpc/tls.ts';
import { StartError } from '../start-error.ts';
import { holdMaterial, type Identity } from './material.ts';

/** Paths of PEM files: the certificate chain, its key, and the authorities to trust. */
export type CertificateFiles = { readonly cert: string; readonly key: string; readonly ca: string };

/** The files that the configuration names: all three, or none. */
export function certificateFilesOf(config: {
  readonly TLS_CERT_FILE?: string | undefined;
  readonly TLS_KEY_FILE?: string | undefined;
  readonly TLS_CA_FILE?: string | undefined;
}): CertificateFiles | undefined {
  const { TLS_CERT_FILE: cert, TLS_KEY_FILE: key, TLS_CA_FILE: ca } = config;
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert !== undefined && key !== undefined && ca !== undefined) return { cert, key, ca };
  throw new StartError('Set TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE, or none of them.');
}

const checkEveryMs = 10_000; // by reading: watching misses what a mounted secret does, which swaps a link two folders up

/**
 * An identity from files that somebody else renews. New files are taken within seconds; while they are broken, expired, of
 * another identity, or only one of the two was written yet, the old ones stay in use and the log says so, once.
 */
export async function openCertificateFiles(options: {
  readonly files: CertificateFiles;
  /** Whose certificate it must be. */
  readonly spiffeId: string;
  readonly now: () => Date;
  readonly log: Logger;
}): Promise<Identity> {
  const { files, spiffeId, now, log } = options;
  let last = await read(files);
  check(last, spiffeId, now());
  const held = holdMaterial(last);

  async function reload(): Promise<void> {
    const next = await read(files);
    if (next.cert === last.cert && next.key === last.key && next.ca === last.ca) return;
    last = next;
    check(next, spiffeId, now());
    held.replace(next);
    log.info({ spiffeId, file: files.cert }, 'certificate reloaded');
  }

  let complaint = '';
  let reloading: Promise<void> | undefined;
  const timer = setInterval(() => {
    reloading ??= reload()
      .catch((error: unknown) => {
        if (String(error) !== complaint)
          log.error({ err: error, file: files.cert }, 'new certificate refused; the old one stays in use');
        complaint = String(error);
      })
      .finally(() => (reloading = undefined));
  }, checkEveryMs).unref();
  return { spiffeId, tls: held.tls, close: () => clearInterval(timer) };
}

async function read({ cert, key, ca }: CertificateFiles): Promise<TlsMaterial> {
  const [certText, keyText, caText] = await Promise.all([
    readFile(cert, 'utf8'),
    readFile(key, 'utf8'),
    readFile(ca, 'utf8'),
  ]);
  return { cert: certText, key: keyText, ca: caText };
}

function check({ cert, key, ca }: TlsMaterial, spiffeId: string, now: Date): void {
  const certificate = new X509Certificate(cert);
  if (!certificate.checkPrivateKey(createPrivateKey(key)))
    throw new Error('The key is not the one of the certificate.');
  if (certificate.validToDate < now)
    throw new Error(`The certificate ended at ${certificate.validToDate.toISOString()}.`);
  const names = certificate.subjectAltName?.split(', ') ?? [];
  if (!names.includes(`URI:${spiffeId}`)) throw new Error(`The certificate is not one of ${spiffeId}.`);
  void new X509Certificate(ca); // throws when it is none
}
