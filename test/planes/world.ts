import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createRoot, issueCertificate, type KeyPair, writingTogether } from '#platform/identity/certificate.ts';
import { localMesh, spiffeIdOf } from '#platform/identity/spiffe.ts';
import type { TlsMaterial } from '#platform/rpc/tls.ts';
import type { Question, User } from '../../mesh/matrix.ts';

/** Who there is beside the planes: authorities, workloads with certificates, users with tokens, and keys to check those by. */
export type World = {
  /** What a workload of the mesh holds, or "stranger". */
  certificateOf(workload: string): TlsMaterial;
  /** What the caller of a question shows; undefined when it has none. */
  shownBy(question: Question): TlsMaterial | undefined;
  /** The user's token; undefined for none. */
  tokenOf(user: User): string | undefined;
  /** The public keys of good tokens. */
  readonly keys: string;
  /** Where they are served, as the gateway does. */
  readonly keysPort: number;
  /** A new folder with a short path, removed at the end. */
  folder(): Promise<string>;
  close(): Promise<void>;
};

export type WorldOptions = {
  readonly workloads: readonly string[];
  readonly roles: readonly string[];
  readonly tokens: { readonly issuer: string; readonly audience: string; readonly rolesClaim: string };
};

/** Makes all of it. The foreign authority has the name of the mesh's own. */
export async function createWorld({ workloads, roles, tokens }: WorldOptions): Promise<World> {
  const { own, foreign } = await writingTogether(async () => {
    const names = [...workloads, 'stranger'];
    const [here, elsewhere] = await Promise.all([createAuthority(), createAuthority()]);
    return { own: await issueAll(here, names), foreign: await issueAll(elsewhere, workloads) };
  });

  const signing = await generateKeyPair('ES256', { extractable: true });
  const forging = await generateKeyPair('ES256');
  const keys = JSON.stringify({
    keys: [{ ...(await exportJWK(signing.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }],
  });
  const sign = (key: typeof signing.privateKey, holds: readonly string[], seconds: number): Promise<string> =>
    new SignJWT({ sub: `usr_${holds.join('_')}`, sid: 'ses_1', [tokens.rolesClaim]: holds })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuer(tokens.issuer)
      .setAudience(tokens.audience)
      .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
      .sign(key);
  const byRole = new Map(
    await Promise.all(roles.map(async (role) => [role, await sign(signing.privateKey, [role], 3_600)] as const)),
  );
  const bad = {
    expired: await sign(signing.privateKey, roles, -120), // Envoys whom nobody tells otherwise, as Istio's, take a minute for clocks that differ
    forged: await sign(forging.privateKey, roles, 3_600),
  };

  // In the gateway's place: keys to every question, and what it was told of the client.
  const keyServer = createHttpServer(({ headers }, response) => {
    const seen = { forwarded: headers['x-forwarded-for'], address: headers['x-only2u-address'] };
    response.writeHead(200, {
      'content-type': 'application/jwk-set+json',
      ...(seen.forwarded === undefined ? {} : { 'x-seen-forwarded-for': seen.forwarded }),
      ...(seen.address === undefined ? {} : { 'x-seen-address': seen.address }),
    });
    response.end(keys);
  });
  await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve));
  const folders: string[] = [];

  const held = (materials: ReadonlyMap<string, TlsMaterial>, name: string): TlsMaterial => {
    const material = materials.get(name);
    if (material === undefined) throw new Error(`nobody issued a certificate to ${name}`);
    return material;
  };
  return {
    certificateOf: (workload) => held(own, workload),
    shownBy({ caller, method, workload }) {
      if (caller === 'anonymous') return undefined;
      if (caller === 'stranger') return held(own, 'stranger');
      if (caller === 'foreign') return held(foreign, method.policy.callers[0] ?? workload);
      return held(own, caller.workload);
    },
    tokenOf(user) {
      if (user === 'none') return undefined;
      const token = typeof user === 'string' ? bad[user] : byRole.get(user.role);
      if (token === undefined) throw new Error('a user with a role that there is not');
      return token;
    },
    keys,
    keysPort: portOf(keyServer.address()),
    async folder() {
      const folder = await mkdtemp(join(tmpdir(), 'o2u-'));
      folders.push(folder);
      return folder;
    },
    async close() {
      keyServer.closeAllConnections();
      await new Promise<void>((resolve) => keyServer.close(() => resolve()));
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

const notBefore = new Date(Date.now() - 60_000);
const notAfter = new Date(Date.now() + 3_600_000);

function createAuthority(): Promise<KeyPair> {
  return createRoot({ name: 'Only2U test CA', notBefore, notAfter });
}

async function issueAll(issuer: KeyPair, names: readonly string[]): Promise<ReadonlyMap<string, TlsMaterial>> {
  const issued = names.map(async (name) => {
    const leaf = { issuer, name, spiffeId: spiffeIdOf(localMesh, name), hosts: ['localhost'], notBefore, notAfter };
    return [name, { ca: issuer.cert, ...(await issueCertificate(leaf)) }] as const;
  });
  return new Map(await Promise.all(issued));
}
