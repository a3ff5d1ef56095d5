import 'reflect-metadata'; // wanted by the library's decorators; it changes a global, of this process only
import { createPrivateKey } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Answer, KeyPair, LeafOptions, Order, RootOptions } from './certificate.ts';

// The process that certificate.ts starts when one is to be written.

const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

async function writeRoot({ name, notBefore, notAfter }: RootOptions): Promise<KeyPair> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: nameOf(name),
    notBefore,
    notAfter,
    keys,
    signingAlgorithm: p256,
    extensions: [
      new BasicConstraintsExtension(true, 0, true), // an authority, over leaves only
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pem(certificate, keys.privateKey);
}

async function writeLeaf({ issuer, name, spiffeId, hosts, notBefore, notAfter }: LeafOptions): Promise<KeyPair> {
  const keys = await newKeys();
  const root = new X509Certificate(issuer.cert);
  const certificate = await X509CertificateGenerator.create({
    subject: nameOf(name),
    issuer: root.subjectName,
    notBefore,
    notAfter,
    publicKey: keys.publicKey,
    signingKey: createPrivateKey(issuer.key).toCryptoKey(p256, false, ['sign']),
    signingAlgorithm: p256,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([
        { type: 'url', value: spiffeId },
        ...hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host })),
      ]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...issuerKeyId(root),
    ],
  });
  return pem(certificate, keys.privateKey);
}

// As it stands in the root: one made by another program may have reckoned it in another way.
function issuerKeyId(root: X509Certificate): Extension[] {
  const id = root.getExtension(SubjectKeyIdentifierExtension)?.keyId;
  return id === undefined ? [] : [new AuthorityKeyIdentifierExtension(id)];
}

function newKeys() {
  return crypto.subtle.generateKey(p256, true, ['sign', 'verify']);
}

function nameOf(commonName: string): Name {
  return new Name([{ O: ['Only2U'] }, { CN: [commonName] }]);
}

async function pem(certificate: X509Certificate, key: CryptoKey): Promise<KeyPair> {
  return {
    cert: `${certificate.toString('pem')}\n`,
    key: `${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`,
  };
}

process.once('disconnect', () => process.exit()); // nobody wants an answer any more
process.on('message', ({ id, root, leaf }: Order) => {
  const answer = (rest: Omit<Answer, 'id'>) => void process.send?.({ id, ...rest } satisfies Answer);
  const written = leaf === undefined ? writeRoot(root) : writeLeaf(leaf);
  written.then(
    (pair) => answer({ pair }),
    (error: unknown) => answer({ error: String(error) }),
  );
});
