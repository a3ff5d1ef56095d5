import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { KeyService } from '#gen/only2u/user/v1/auth_pb.ts';
import { newId } from '#platform/ids.ts';
import { type Shop, startShop } from '#platform/run.ts';
import { createTestDatabase } from '#platform/testing/database.ts';
import { freePort } from '#platform/free-port.ts';
import { services } from '#services/all.ts';
import { userSecret } from './shop.ts';

let folder: string;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let places: { readonly admin: string; readonly gateway: string };
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u-test-'));
  database = await createTestDatabase();
  places = { admin: String(await freePort()), gateway: String(await freePort()) };
});
afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

const start = (databaseUrl: string, signal?: AbortSignal): Promise<Shop> =>
  startShop({
    entries: services,
    names: ['user', 'gateway'],
    variables: {
      ONLY2U_DATA: folder,
      DATABASE_URL: databaseUrl,
      USER_SECRET: userSecret,
      PAGE_TOKEN_KEY: userSecret,
      ADMIN_PORT: places.admin,
      GATEWAY_PORT: places.gateway,
      USER_PORT: '0',
      LOG_LEVEL: 'fatal',
    },
    fetchKeys: async (dial) => (await dial(KeyService).getKeys({})).jwksJson,
    ...(signal && { signal }),
  });

test('a shop starts before its database, says what it waits for and when to come again, and serves once that is there', async () => {
  const door = await openDoor(database.url);
  await door.close();
  const giveUp = new AbortController();
  const starting = start(door.url, giveUp.signal);
  try {
    const refused = await eventually(signUp, ({ status }) => status === 503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({
      code: 'unavailable',
      details: expect.arrayContaining([expect.objectContaining({ type: 'google.rpc.RetryInfo' })]),
    });
    const away = await readiness();
    expect(away.status).toBe(503);
    expect(await away.json()).toMatchObject({
      services: {
        user: { status: 'starting; waits for PostgreSQL', engines: { PostgreSQL: expect.stringMatching(/^away: /) } },
      },
    });

    await door.open();
    await starting;
    expect((await eventually(readiness, ({ status }) => status === 200)).status).toBe(200);
    expect((await signUp()).status).toBe(200);
  } finally {
    giveUp.abort();
    await starting.then(
      (shop) => shop.close(),
      () => undefined,
    );
    await door.close();
  }
});

test('a database that refuses the password ends the start with one line that says what to correct', async () => {
  const url = new URL(database.url);
  url.password = 'hunter2';
  const error: unknown = await start(url.href).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    name: 'StartError',
    message: expect.stringMatching(/^PostgreSQL .*refuses us: user or password is wrong. Correct DATABASE_URL\.$/),
  });
  expect(String(error)).not.toContain('hunter2');
});

/** Asks until somebody answers as it is meant. */
async function eventually(ask: () => Promise<Response>, isMeant: (answer: Response) => boolean): Promise<Response> {
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined && isMeant(answer)) return answer;
    await pause(20); // between two looks
  }
}

const readiness = (): Promise<Response> => fetch(`http://127.0.0.1:${places.admin}/readyz`);

const signUp = (): Promise<Response> =>
  fetch(`http://127.0.0.1:${places.gateway}/only2u.user.v1.AuthService/SignUp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      requestId: newId('req'),
      email: 'asha@example.com',
      password: 'a long password',
      displayName: 'Asha',
    }),
  });

/** A way to the database that can be shut: nothing listens there then. */
async function openDoor(url: string) {
  const inside = new URL(url);
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let port = 0;

  async function open(): Promise<void> {
    const own = createServer((socket) => {
      const through = connect(Number(inside.port), inside.hostname);
      for (const each of [socket, through]) {
        sockets.add(each);
        each.on('error', () => undefined);
        each.once('close', () => sockets.delete(each));
      }
      socket.pipe(through).pipe(socket);
    });
    server = own;
    await new Promise<void>((resolve, reject) => own.once('error', reject).listen(port, '127.0.0.1', resolve));
    port = (own.address() as AddressInfo).port;
  }

  await open();
  const outside = new URL(url);
  outside.port = String(port);
  return {
    url: outside.href,
    open,
    async close() {
      const own = server;
      server = undefined;
      for (const socket of sockets) socket.destroy();
      if (own !== undefined) await new Promise((resolve) => own.close(resolve));
    },
  };
}
