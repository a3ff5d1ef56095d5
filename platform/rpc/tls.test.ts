import { expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { Code, createClient } from '@connectrpc/connect';
import { holdMaterial } from '../identity/material.ts';
import { localMesh, spiffeIdOf } from '../identity/spiffe.ts';
import { createTestAuthority, EchoService, openTestRpc } from '../testing/rpc.ts';
import { currentCall } from './call.ts';
import { createRpcTransport } from './transport.ts';

const authority = createTestAuthority();
const foreignAuthority = createTestAuthority();
const productId = spiffeIdOf(localMesh, 'product');
const gatewayId = spiffeIdOf(localMesh, 'gateway');

const callers: string[] = [];
const implementation = {
  unary: () => {
    callers.push(currentCall()?.caller ?? '');
    return {};
  },
};

async function openSecure(client: Partial<Parameters<typeof createRpcTransport>[0]['tls'] & object> = {}) {
  return openTestRpc({
    implementation,
    server: { tls: { source: await authority.source('product') } },
    transport: { tls: { source: await authority.source('gateway'), serverSpiffeId: productId, ...client } },
  });
}

/** A gateway's certificate of another authority, held by somebody who trusts ours. */
async function foreignMaterial() {
  const [foreign, own] = await Promise.all([foreignAuthority.source('gateway'), authority.source('gateway')]);
  return { ...foreign.current(), ca: own.current().ca };
}

test('both sides show certificates, and the server learns who calls', async () => {
  const rpc = await openSecure();
  await rpc.client.unary({});
  const { arrival } = await rpc.nextEnd();
  expect(arrival.spiffeId).toBe(gatewayId);
  expect(callers).toContain(gatewayId);
  await rpc.close();
});

test('a client without a certificate is refused', async () => {
  const rpc = await openSecure({ anonymous: true });
  await expect(rpc.client.unary({}, { timeoutMs: 2_000 })).rejects.toMatchObject({ code: Code.Unavailable });
  await rpc.close();
});

test("a client with another authority's certificate is refused", async () => {
  const material = await foreignMaterial();
  const rpc = await openSecure({ source: { current: () => material, onChange: () => () => {} } });
  await expect(rpc.client.unary({}, { timeoutMs: 2_000 })).rejects.toMatchObject({ code: Code.Unavailable });
  await rpc.close();
});

test('where clients without a certificate are let in, a bad one is still refused', async () => {
  const foreign = await foreignMaterial();
  const rpc = await openTestRpc({
    implementation,
    server: { tls: { source: await authority.source('product'), allowAnonymous: true } },
    transport: { tls: { source: await authority.source('gateway'), serverSpiffeId: productId, anonymous: true } },
  });
  await rpc.client.unary({});
  expect((await rpc.nextEnd()).arrival.spiffeId).toBeUndefined();
  const bad = createRpcTransport({
    address: `127.0.0.1:${rpc.port}`,
    tls: { source: { current: () => foreign, onChange: () => () => {} }, serverSpiffeId: productId },
  });
  await expect(createClient(EchoService, bad).unary({}, { timeoutMs: 2_000 })).rejects.toMatchObject({
    code: Code.Unavailable,
  });
  bad.close();
  await rpc.close();
});

test("a server that isn't the one asked for is refused, whoever signed its certificate", async () => {
  for (const tls of [
    { serverSpiffeId: spiffeIdOf(localMesh, 'user') },
    { source: await foreignAuthority.source('gateway') },
  ]) {
    const rpc = await openSecure(tls);
    await expect(rpc.client.unary({}, { timeoutMs: 2_000 })).rejects.toMatchObject({ code: Code.Unavailable });
    await rpc.close();
  }
});

test('new certificates are used without a restart and without losing a call', async () => {
  const server = holdMaterial(await authority.issue('product'));
  const client = holdMaterial(await authority.issue('gateway'));
  const release = Promise.withResolvers<void>();
  const rpc = await openTestRpc({
    implementation: {
      unary: () => ({}),
      async clientStream(requests) {
        for await (const _request of requests) await release.promise;
        return {};
      },
    },
    server: { tls: { source: server.tls } },
    transport: { tls: { source: client.tls, serverSpiffeId: productId } },
  });
  const shown = async (): Promise<string> => {
    const { ca, cert, key } = client.tls.current();
    const socket = connect({
      port: rpc.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca,
      cert,
      key,
      ALPNProtocols: ['h2'],
    });
    await once(socket, 'secureConnect');
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  await rpc.client.unary({});
  const before = await shown();
  const open = rpc.client.clientStream(oneRequest());

  // A new authority altogether: both sides trust only the new one from here on.
  const next = createTestAuthority('next');
  server.replace(await next.issue('product'));
  client.replace(await next.issue('gateway'));

  expect(await shown()).not.toBe(before);
  await rpc.client.unary({}); // on the connection that was open
  release.resolve();
  await open;
  const fresh = createRpcTransport({
    address: `127.0.0.1:${rpc.port}`,
    tls: { source: client.tls, serverSpiffeId: productId },
  });
  await createClient(EchoService, fresh).unary({});
  fresh.close();
  const old = createRpcTransport({
    address: `127.0.0.1:${rpc.port}`,
    tls: { source: await authority.source('gateway'), serverSpiffeId: productId },
  });
  await expect(createClient(EchoService, old).unary({}, { timeoutMs: 2_000 })).rejects.toMatchObject({
    code: Code.Unavailable,
  });
  old.close();
  await rpc.close();
});

async function* oneRequest() {
  yield {};
}
