import { expect, test } from '@jest/globals';
import { Code, createClient } from '@connectrpc/connect';
import { connect } from 'node:net';
import { once } from 'node:events';
import { admitAll } from '../testing/admit-all.ts';
import { createTestAuthority, EchoService, openTestRpc } from '../testing/rpc.ts';
import { IncomingCall } from './incoming-call.ts';
import { createRpcServer } from './server.ts';
import { createRpcTransport } from './transport.ts';

test('closing lets open calls finish and refuses new ones', async () => {
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const rpc = await openTestRpc({
    implementation: {
      async unary() {
        begun.resolve();
        await release.promise;
        return { payload: { data: Buffer.from('done') } };
      },
    },
  });
  const open = rpc.client.unary({});
  await begun.promise;
  const closed = rpc.server.close({ graceMs: 10_000 });
  const late = createRpcTransport({ address: `127.0.0.1:${rpc.port}`, tls: undefined });
  await expect(createClient(EchoService, late).unary({}, { timeoutMs: 2_000 })).rejects.toMatchObject({
    code: Code.Unavailable,
  });
  late.close();
  release.resolve();
  expect(Buffer.from((await open).payload?.data ?? []).toString()).toBe('done');
  await closed;
  await rpc.close();
});

test('what has not finished within the grace is ended, streams without an end too', async () => {
  const begun = Promise.withResolvers<void>();
  const rpc = await openTestRpc({
    implementation: {
      async *bidiStream(requests) {
        begun.resolve();
        for await (const _request of requests) yield {};
      },
    },
  });
  const forever = Promise.withResolvers<void>();
  async function* requests() {
    yield {};
    await forever.promise;
  }
  const reading = (async () => {
    for await (const _answer of rpc.client.bidiStream(requests()));
  })();
  reading.catch(() => {});
  await begun.promise;
  await rpc.server.close({ graceMs: 20 });
  await expect(reading).rejects.toMatchObject({ code: expect.any(Number) });
  await expect(rpc.nextEnd()).resolves.toMatchObject({ code: Code.Canceled });
  forever.resolve();
  await rpc.close();
});

test('a connection that never says anything does not keep a server from closing', async () => {
  const rpc = await openTestRpc({ implementation: {} });
  const silent = connect(rpc.port, '127.0.0.1');
  await once(silent, 'connect');
  silent.on('error', () => {});
  await rpc.close();
  silent.destroy();
});

test('a handshake that never ends does not keep a server from closing, and an open call does', async () => {
  const authority = createTestAuthority();
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const rpc = await openTestRpc({
    implementation: {
      async unary() {
        begun.resolve();
        await release.promise;
        return {};
      },
    },
    server: { tls: { source: await authority.source('product') } },
    transport: { tls: { source: await authority.source('gateway') } },
  });
  const open = rpc.client.unary({});
  await begun.promise;
  const silent = connect(rpc.port, '127.0.0.1');
  silent.on('error', () => {});
  await once(silent, 'connect');
  const closed = rpc.server.close({ graceMs: 60_000 });
  await new Promise((resolve) => silent.once('close', resolve));
  release.resolve();
  await open;
  await closed;
  await rpc.close();
});

test('no call is lost when a server moves its callers on again and again', async () => {
  const ports = new Set<number | undefined>();
  const rpc = await openTestRpc({
    implementation: { unary: ({ requestData }) => ({ payload: { data: requestData } }) },
    hooks: {
      admit(arrival) {
        if (arrival instanceof IncomingCall) ports.add(arrival.stream.session?.socket.remotePort);
        return admitAll(arrival);
      },
    },
    server: { maxConnectionAgeMs: 200 },
  });
  const caller = async (): Promise<void> => {
    while (ports.size < 5) {
      await rpc.client.unary({ requestData: Buffer.alloc(1_000) }, { timeoutMs: 5_000 });
    }
  };
  await Promise.all(Array.from({ length: 8 }, caller));
  await rpc.close();
});

test('an idle connection is closed, and the next call opens another', async () => {
  const rpc = await openTestRpc({ implementation: { unary: () => ({}) }, server: { maxConnectionIdleMs: 10 } });
  const idle = connect(rpc.port, '127.0.0.1');
  idle.resume();
  await once(idle, 'close');
  await rpc.client.unary({});
  await rpc.close();
});

test('no more connections are taken than allowed, and one that ends makes room', async () => {
  const rpc = await openTestRpc({ implementation: { unary: () => ({}) }, server: { maxConnections: 1 } });
  const first = connect(rpc.port, '127.0.0.1');
  await once(first, 'connect');
  await expect(rpc.client.unary({}, { timeoutMs: 200 })).rejects.toMatchObject({ code: expect.any(Number) });
  first.destroy();
  await once(first, 'close');
  const transport = createRpcTransport({ address: `127.0.0.1:${rpc.port}`, tls: undefined });
  await createClient(EchoService, transport).unary({}, { timeoutMs: 5_000 });
  transport.close();
  await rpc.close();
});

test('a port that is taken is told, with the system’s code', async () => {
  const rpc = await openTestRpc({ implementation: {} });
  const hooks = { admit: admitAll, check: () => {}, ended: () => {} };
  const other = createRpcServer({ handlers: [], hooks, tls: undefined });
  await expect(other.listen('127.0.0.1', rpc.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await other.close();
  await rpc.close();
});
