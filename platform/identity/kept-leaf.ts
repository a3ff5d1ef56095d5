import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { KeyPair } from './certificate.ts';
import { isCode, removeLeftovers } from './durable-files.ts';

const renewAfter = 0.6; // of its life: of a day, that leaves 9 hours to notice that renewing doesn't work

/** When a certificate is to be replaced by a new one. */
export function renewalOf(cert: string): Date {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const fromMs = validFromDate.getTime();
  return new Date(fromMs + renewAfter * (validToDate.getTime() - fromMs));
}

/** Keeps a certificate and its key in one file, so that whoever reads finds the two of a pair. */
export async function keepLeaf(file: string, { cert, key }: KeyPair, now: Date): Promise<void> {
  await mkdir(dirname(file), { mode: 0o700 }).catch((error: unknown) => {
    if (!isCode(error, 'EEXIST')) throw error;
  });
  await removeLeftovers(`${file}.new-`, now);
  const draft = `${file}.new-${randomUUID()}`;
  try {
    await writeFile(draft, cert + key, { flag: 'wx', mode: 0o600 }); // not synced: what a power cut damages is issued anew
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** The pair that was kept; undefined when there is none, or none for `spiffeId` by this authority that is still fresh. */
export async function readLeaf(options: {
  readonly file: string;
  readonly authority: X509Certificate;
  readonly spiffeId: string;
  readonly now: Date;
}): Promise<KeyPair | undefined> {
  const { file, authority, spiffeId, now } = options;
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return '';
    throw error;
  });
  const [cert, key, ...rest] = text.match(/-----BEGIN [^]*?-----END .*\n/g) ?? [];
  if (cert === undefined || key === undefined || rest.length > 0) return undefined;
  try {
    const leaf = new X509Certificate(cert);
    const fits =
      leaf.checkPrivateKey(createPrivateKey(key)) &&
      leaf.checkIssued(authority) &&
      leaf.verify(authority.publicKey) &&
      leaf.subjectAltName?.split(', ').includes(`URI:${spiffeId}`) === true &&
      leaf.validFromDate <= now &&
      now < renewalOf(cert);
    return fits ? { cert, key } : undefined;
  } catch {
    return undefined; // damaged: a new one takes its place
  }
}
