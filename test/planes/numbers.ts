import { strict as assert } from 'node:assert';
import { type ClientHttp2Session, connect, type ServerHttp2Stream } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Form } from '../../envoy/node-files.ts';
import { compile } from '../../mesh/compile.ts';
import { renderEnvoy } from '../../mesh/envoy/envoy.ts';
import { createModel, type MeshModel } from '../../mesh/model.ts';
import type { RenderSettings } from '../../mesh/render.ts';
import { type Envoys, openEnvoys } from './envoys.ts';
import { answerCode, answerOk, type PlainAnswer, servePlain } from './plain-server.ts';
import type { World } from './world.ts';

const contract = `
syntax = "proto3";
package only2u.shoe.v1;
import "google/protobuf/duration.proto";
import "only2u/mesh/v1/policy.proto";
message Request {}
message Response {}
service ShoeService {
  option (only2u.mesh.v1.service) = {
    workload: "shoe"
    defaults: { callers: ["order"] access: ACCESS_INTERNAL timeout: { seconds: 1 } }
  };
  rpc Find(Request) returns (Response) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Sell(Request) returns (Response);
  rpc Wait(Request) returns (Response);
  rpc Hedged(Request) returns (Response) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (only2u.mesh.v1.method) = { hedge_after: { nanos: 100000000 } };
  }
  rpc Few(Request) returns (Response) { option (only2u.mesh.v1.method) = { concurrency: 4 }; }
  rpc Rare(Request) returns (Response) {
    option (only2u.mesh.v1.method) = {
      callers: ["cart", "order"]
      rate_limits: { scope: SCOPE_CALLER requests: 3 window: { seconds: 60 } }
    };
  }
  rpc Look(Request) returns (Response) {
    option (only2u.mesh.v1.method) = {
      callers: ["gateway"] access: ACCESS_PUBLIC
      rate_limits: { scope: SCOPE_ADDRESS requests: 3 window: { seconds: 60 } }
    };
  }
  rpc Keep(Request) returns (Response) {
    option (only2u.mesh.v1.method) = {
      callers: ["gateway"] access: ACCESS_USER
      rate_limits: { scope: SCOPE_USER requests: 3 window: { seconds: 60 } }
    };
  }
}
`;
const service = '/only2u.shoe.v1.ShoeService/';
const shoePort = 50_099;

/** The contract of the checks: one with a number of each kind. */
export function shoeModel(): MeshModel {
  return createModel(compile({ 'only2u/shoe/v1/shoe.proto': contract }));
}

export type NumbersOptions = {
  readonly binary: string;
  readonly form: Form;
  readonly model: MeshModel;
  readonly settings: RenderSettings;
  readonly world: World;
};

/** Holds real Envoys to the numbers of a contract: times, attempts, calls at a time, calls in a time. Returns what does not hold. */
export async function checkNumbers({
  binary,
  form,
  model,
  settings,
  world,
}: NumbersOptions): Promise<readonly string[]> {
  const withShoe = { ...settings, portOf: (name: string) => (name === 'shoe' ? shoePort : settings.portOf(name)) };
  const calls = new Map<string, number>();
  const waiting: ServerHttp2Stream[] = [];
  const answer: PlainAnswer = (stream, headers) => {
    const name = headers[':path']?.replace(service, '') ?? '';
    const count = (calls.get(name) ?? 0) + 1;
    calls.set(name, count);
    if (name === 'Find' && count < 3) answerCode(stream, 14);
    else if (name === 'Sell') answerCode(stream, 14);
    else if (name === 'Wait' || name === 'Few' || (name === 'Hedged' && count === 1)) waiting.push(stream);
    else answerOk(stream, headers);
  };
  const rendered = renderEnvoy(model, withShoe);
  const envoys = await openEnvoys({ binary, form, rendered, model, settings: withShoe, world }, (path) =>
    servePlain(path, answer),
  );
  const callers = new Map<string, ClientHttp2Session>();
  const as = (caller: string): ClientHttp2Session => {
    const known = callers.get(caller) ?? openMeshSocket(envoys, caller);
    callers.set(caller, known);
    return known;
  };
  const code = async (name: string, caller = 'order') => (await call(as(caller), name)).code;
  const wrong: string[] = [];
  const check = async (claim: string, work: () => Promise<void>): Promise<void> => {
    await work().catch((error: unknown) =>
      wrong.push(`${claim}: ${error instanceof Error ? error.message : String(error)}`),
    );
  };
  try {
    await envoys.untilWell();
    await check('an idempotent call that fails is tried twice more', async () => {
      assert.deepEqual([await code('Find'), calls.get('Find')], [0, 3]);
    });
    await check('a call that is not safe to repeat reaches the service once', async () => {
      assert.deepEqual([await code('Sell'), calls.get('Sell')], [14, 1]);
    });
    await check('a call that takes too long ends as DEADLINE_EXCEEDED in its time', async () => {
      const beganMs = performance.now();
      assert.deepEqual([await code('Wait'), calls.get('Wait')], [4, 1]);
      const tookMs = performance.now() - beganMs;
      assert.ok(tookMs > 900 && tookMs < 1_600, `${Math.round(tookMs)} ms`);
    });
    await check('a hedged call is answered by the second try', async () => {
      assert.deepEqual([await code('Hedged'), calls.get('Hedged')], [0, 2]);
    });
    await check('the fifth of four calls at a time is RESOURCE_EXHAUSTED', async () => {
      const first = Array.from({ length: 4 }, () => code('Few'));
      while ((calls.get('Few') ?? 0) < 4) await delay(10);
      assert.equal(await code('Few'), 8);
      for (const stream of waiting.splice(0)) if (!stream.destroyed) answerCode(stream, 0);
      assert.deepEqual(await Promise.all(first), [0, 0, 0, 0]);
    });
    await check('a caller that calls too often is RESOURCE_EXHAUSTED, and another is not', async () => {
      const codes: (number | undefined)[] = [];
      for (let i = 0; i < 4; i++) codes.push(await code('Rare'));
      codes.push(await code('Rare', 'cart'));
      assert.deepEqual(codes, [0, 0, 0, 8, 0]);
    });
    await check('a refusal says who may not call what, and how to learn why', async () => {
      const { code: refused, message } = await call(as('cart'), 'Sell');
      assert.equal(refused, 7);
      assert.match(
        message,
        /^"cart" may not call \/only2u.shoe.v1.ShoeService\/Sell: .* npm run mesh -- explain cart /,
      );
    });
    await checkEdge(`http://127.0.0.1:${envoys.portOf('gateway')}`, world, check);
  } finally {
    for (const session of callers.values()) session.destroy();
    await envoys.close();
  }
  return wrong;
}

async function checkEdge(
  url: string,
  world: World,
  check: (claim: string, work: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const post = (name: string, headers: Record<string, string> = {}) =>
    fetch(`${url}${service}${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{}',
    });
  await check('an address that calls too often is told so in JSON', async () => {
    const answers = [
      await post('Look'),
      await post('Look'),
      await post('Look'),
      await post('Look', { 'x-forwarded-for': '198.51.100.7' }),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 429],
    );
    assert.match((await answers[3]?.text()) ?? '', /"code":\s*"resource_exhausted"/);
  });
  await check('a user who calls too often is stopped, and another is not', async () => {
    const sent = (role: string) => ({ authorization: `Bearer ${world.tokenOf({ role })}` });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await post('Keep', sent('customer'))).status);
    statuses.push((await post('Keep', sent('vendor'))).status);
    assert.deepEqual(statuses, [200, 200, 200, 429, 200]);
  });
  await check('methods that are not open and paths that are not there are not found', async () => {
    const paths = [`${service}Sell`, '/nothing', '//docs/', '/docs/%2e%2e/nothing', `${service}Look/`];
    const statuses = await Promise.all(
      paths.map(async (path) => (await fetch(`${url}${path}`, { method: 'POST' })).status),
    );
    assert.deepEqual(statuses, [404, 404, 404, 404, 404]);
  });
  await check('pages are found', async () => {
    const paths = ['/', '/docs/', '/openapi.json', '/.well-known/jwks.json', '/webhooks/razorpay'];
    const statuses = await Promise.all(paths.map(async (path) => (await fetch(`${url}${path}`)).status));
    assert.deepEqual(statuses, [200, 200, 200, 200, 200]);
  });
  await check('who a client says to be is replaced by its address', async () => {
    const lies = { 'x-forwarded-for': '198.51.100.7', 'x-only2u-address': '198.51.100.8' };
    const { headers } = await fetch(`${url}/openapi.json`, { headers: lies });
    // Of a client on the loopback Envoy says the machine's own address.
    assert.match(headers.get('x-seen-forwarded-for') ?? '', /^[\d.]+$/);
    assert.notEqual(headers.get('x-seen-forwarded-for'), lies['x-forwarded-for']);
    assert.equal(headers.get('x-seen-address'), null);
  });
}

function openMeshSocket(envoys: Envoys, caller: string): ClientHttp2Session {
  const path = join(envoys.run, caller, 'mesh.sock');
  return connect('http://shoe', { createConnection: () => connectSocket(path) });
}

type Ended = { readonly code: number | undefined; readonly message: string };

function call(session: ClientHttp2Session, name: string): Promise<Ended> {
  return new Promise((resolve) => {
    let code: number | undefined;
    let message = '';
    const read = (headers: Record<string, unknown>): void => {
      const status = headers['grpc-status'];
      if (typeof status === 'string') code = Number(status);
      message = decodeURIComponent(String(headers['grpc-message'] ?? ''));
    };
    const path = name.startsWith('/') ? name : `${service}${name}`;
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream
      .on('response', read)
      .on('trailers', read)
      .on('data', () => {})
      .on('error', () => {});
    stream.on('close', () => resolve({ code, message }));
    stream.end(Buffer.alloc(5));
  });
}
