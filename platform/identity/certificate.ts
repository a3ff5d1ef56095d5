import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { bits, boolean, integer, octets, oid, sequence, set, tagged, time, utf8 } from './der.ts';

/** A certificate with its private key, both in PEM. */
export type KeyPair = { readonly cert: string; readonly key: string };

export type Issuer = { readonly name: string; readonly key: KeyObject };

export type CertificateOptions = {
  readonly issuer: Issuer;
  /** The subject's common name, for people: identity is the SPIFFE ID. */
  readonly name: string;
  readonly spiffeId: string;
  /** Host names and addresses that it answers for. */
  readonly hosts: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
};

/** Makes the root certificate of a mesh: ECDSA on P-256, for signing certificates and nothing else. */
export function createRoot(name: string, notBefore: Date, notAfter: Date): KeyPair {
  const { publicKey, privateKey } = newKeys();
  const extensions = [
    extension('2.5.29.19', true, sequence(boolean(true), integer(Buffer.of(0)))), // basicConstraints: an authority, over leaves only
    extension('2.5.29.15', true, bits(Buffer.of(0b0000_0110), 1)), // keyUsage: keyCertSign, cRLSign
    extension('2.5.29.14', false, octets(keyId(publicKey))),
  ];
  const issuer = { name, key: privateKey };
  return pem(certify({ issuer, name, publicKey, extensions, notBefore, notAfter }), privateKey);
}

/** Issues the certificate of a workload, an X.509-SVID (https://spiffe.io/docs/latest/spiffe-specs/x509-svid/) with a new key. */
export function issueCertificate(options: CertificateOptions): KeyPair {
  const { issuer, name, spiffeId, hosts, notBefore, notAfter } = options;
  const { publicKey, privateKey } = newKeys();
  const names = [tagged(6, false, Buffer.from(spiffeId)), ...hosts.map(hostName)];
  const extensions = [
    extension('2.5.29.19', true, sequence()), // basicConstraints: no authority
    extension('2.5.29.15', true, bits(Buffer.of(0b1000_0000), 7)), // keyUsage: digitalSignature
    extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))), // for servers and clients
    extension('2.5.29.17', false, sequence(...names)),
    extension('2.5.29.14', false, octets(keyId(publicKey))),
    extension('2.5.29.35', false, sequence(tagged(0, false, keyId(createPublicKey(issuer.key))))),
  ];
  return pem(certify({ issuer, name, publicKey, extensions, notBefore, notAfter }), privateKey);
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));

function certify(options: {
  readonly issuer: Issuer;
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}): Buffer {
  const { issuer, name, publicKey, extensions, notBefore, notAfter } = options;
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive and never zero
  const toBeSigned = sequence(
    tagged(0, true, integer(Buffer.of(2))), // version 3
    integer(serial),
    ecdsaWithSha256,
    distinguishedName(issuer.name),
    sequence(time(notBefore), time(notAfter)),
    distinguishedName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, true, sequence(...extensions)),
  );
  return sequence(toBeSigned, ecdsaWithSha256, bits(sign('sha256', toBeSigned, issuer.key)));
}

function newKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function distinguishedName(commonName: string): Buffer {
  const part = (type: string, value: string) => set(sequence(oid(type), utf8(value)));
  return sequence(part('2.5.4.10', 'Only2U'), part('2.5.4.3', commonName));
}

function hostName(host: string): Buffer {
  if (isIPv4(host)) return tagged(7, false, Buffer.from(host.split('.').map(Number)));
  if (host === '::1') return tagged(7, false, Buffer.from([...new Array<number>(15).fill(0), 1]));
  if (isIPv6(host)) throw new Error(`${host}: of IPv6 addresses only ::1 is written into certificates.`);
  return tagged(2, false, Buffer.from(host));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return critical ? sequence(oid(id), boolean(true), octets(value)) : sequence(oid(id), octets(value));
}

/** RFC 7093, method 1: the first 160 bits of a SHA-256 over the public key. */
function keyId(key: KeyObject): Buffer {
  const point = key.export({ type: 'spki', format: 'der' }).subarray(-65); // an uncompressed point of P-256
  return createHash('sha256').update(point).digest().subarray(0, 20);
}

function pem(certificate: Buffer, key: KeyObject): KeyPair {
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: key.export({ type: 'pkcs8', format: 'pem' }),
  };
}
