import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRoot, issueCertificate, type KeyPair, writingTogether } from '#platform/identity/certificate.ts';
import { exists } from '#platform/identity/durable-files.ts';
import { localMesh, spiffeIdOf } from '#platform/identity/spiffe.ts';
import { alone } from '#platform/alone.ts';

/** Paths of PEM files. */
export type TlsFiles = {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** The key and its certificate together, as Java wants them. */
  readonly both: string;
};

const dayMs = 24 * 3_600_000;
const rootDays = 3_650; // outlives a data folder
const leafDays = 397; // what browsers and libraries take at most
const renewDays = 60; // an engine that is started now may run for weeks
const skewMs = 5 * 60_000;
// Cassandra's nodes have an address each.
const hosts = ['localhost', '127.0.0.1', '127.0.0.2', '127.0.0.3', '::1'];

/**
 * The certificate of an engine, by an authority that signs for engines alone: whoever has one of these is nobody in the mesh.
 * Both are made at first use and kept under the folder; a certificate that ends soon is replaced.
 */
export async function engineCertificate(folder: string, engine: string, now: Date): Promise<TlsFiles> {
  const place = join(folder, 'tls');
  await mkdir(place, { recursive: true, mode: 0o700 });
  return alone(join(place, 'lock'), () =>
    writingTogether(async () => {
      const ca = join(place, 'ca.pem');
      const caKey = join(place, 'ca-key.pem');
      if (!(await exists(ca))) {
        const root = await createRoot({
          name: 'Only2U engines on this machine',
          notBefore: new Date(now.getTime() - skewMs),
          notAfter: new Date(now.getTime() + rootDays * dayMs),
        });
        await put(caKey, root.key);
        await put(ca, root.cert); // last: where it is, the key is too
      }
      const files = {
        ca,
        cert: join(place, `${engine}-cert.pem`),
        key: join(place, `${engine}-key.pem`),
        both: join(place, `${engine}.pem`),
      };
      if (await isFresh(files.both, now)) return files;
      const issuer: KeyPair = { cert: await readFile(ca, 'utf8'), key: await readFile(caKey, 'utf8') };
      const leaf = await issueCertificate({
        issuer,
        name: engine,
        spiffeId: spiffeIdOf({ ...localMesh, namespace: 'engines' }, engine),
        hosts,
        notBefore: new Date(now.getTime() - skewMs),
        notAfter: new Date(now.getTime() + leafDays * dayMs),
      });
      await put(files.cert, leaf.cert);
      await put(files.key, leaf.key);
      await put(files.both, leaf.key + leaf.cert);
      return files;
    }),
  );
}

async function isFresh(file: string, now: Date): Promise<boolean> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  return new X509Certificate(text).validToDate.getTime() - now.getTime() > renewDays * dayMs;
}

async function put(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
