import { request as plainRequest } from 'node:http';
import { createServer, request as tlsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ElasticSettings, examineElastic, openElastic } from './connection.elastic.ts';
import type { Finding } from './engine.ts';
import { silentLog } from './telemetry/log.ts';
import { engineVariable, engineVariables } from './testing/engines.ts';
import { createTestAuthority } from './testing/rpc.ts';

const password = 'p@ss/word';
let port = 0;
let ca = '';
let otherCa = '';
let close: () => Promise<void>;

// In front of the engine that runs stands one with a certificate and a password of the test's own.
beforeAll(async () => {
  const [good, other] = [createTestAuthority(), createTestAuthority('other')];
  const tls = await good.issue('elasticsearch');
  [ca, otherCa] = [tls.ca, (await other.issue('elasticsearch')).ca];
  const engine = new URL(engineVariable('ELASTICSEARCH_URL'));
  const engineCa = 'ELASTICSEARCH_CA_FILE' in engineVariables() ? engineVariable('ELASTICSEARCH_CA') : undefined;
  const auth = engine.username === '' ? undefined : `${engine.username}:${decodeURIComponent(engine.password)}`;
  const right = `Basic ${Buffer.from(`shop:${password}`).toString('base64')}`;
  const server = createServer({ cert: tls.cert, key: tls.key }, (incoming, answer) => {
    if (incoming.headers.authorization !== right) return void answer.writeHead(401).end('{}');
    const { authorization: _own, host: _host, ...headers } = incoming.headers;
    const send = engine.protocol === 'https:' ? tlsRequest : plainRequest;
    const onward = send(new URL(incoming.url ?? '/', engine), {
      method: incoming.method,
      headers,
      agent: false, // a kept connection that the engine ends just then would look like one that it cut
      ...(engineCa !== undefined && { ca: engineCa }),
      ...(auth !== undefined && { auth }),
    });
    onward.on('response', (theirs) => {
      answer.writeHead(theirs.statusCode ?? 500, theirs.headers);
      theirs.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  server.on('tlsClientError', (_, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  port = (server.address() as AddressInfo).port;
  close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
});
afterAll(() => close());

function settings(url: string, ELASTICSEARCH_CA?: string): ElasticSettings {
  return { ELASTICSEARCH_URL: url, ELASTICSEARCH_CA, ELASTICSEARCH_PREFIX: `test-${process.pid}-` };
}

const secured = (user = `shop:${encodeURIComponent(password)}@`) => `https://${user}localhost:${port}`;

async function refusal(of: ElasticSettings): Promise<string> {
  try {
    await (await openElastic(of, silentLog())).close();
    return 'nothing';
  } catch (error) {
    return String(error);
  }
}

async function findings(of: ElasticSettings): Promise<Finding[]> {
  const all: Finding[] = [];
  for await (const finding of examineElastic(of, () => new Date())) all.push(finding);
  return all;
}

test('it speaks TLS, with a user, a password and an authority of its own', async () => {
  const elastic = await openElastic(settings(secured(), ca), silentLog());
  await elastic.state(true).check();
  const index = elastic.index('speaks');
  await elastic.ask(elastic.client.indices.create({ index }));
  // Not by HEAD: the client's HTTP ends that connection, and what is asked next may meet its end.
  expect(Object.keys(await elastic.ask(elastic.client.indices.get({ index })))).toEqual([index]);
  await elastic.client.indices.delete({ index });
  await elastic.close();
});

test('what no waiting helps is refused at the start, in one line that says what to correct', async () => {
  expect(await refusal(settings(secured('shop:wrong@'), ca))).toContain(
    'Elasticsearch refuses us: user or password is wrong. Correct ELASTICSEARCH_URL.',
  );
  expect(await refusal(settings(secured(''), ca))).toContain('user or password is wrong');
  expect(await refusal(settings(secured(), otherCa))).toContain('an authority that is not in the CA file');
  expect(await refusal(settings(secured()))).toContain('not in the CA file. Correct ELASTICSEARCH_CA');
  expect(await refusal(settings(secured().replace('https', 'http')))).toContain('it speaks TLS there, not plain text');
});

test('TLS to a port that speaks plain text is refused', async () => {
  const { createServer: createPlain } = await import('node:http');
  const plain = createPlain((_, answer) => void answer.end('{}'));
  await new Promise<void>((resolve) => plain.listen(0, 'localhost', resolve));
  const url = `https://localhost:${(plain.address() as AddressInfo).port}`;
  try {
    expect(await refusal(settings(url, ca))).toContain('it speaks plain text there, not TLS');
  } finally {
    plain.closeAllConnections();
    await new Promise((resolve) => plain.close(resolve));
  }
});

test('a service starts while Elasticsearch is away, and is told so', async () => {
  const elastic = await openElastic(settings('http://localhost:1'), silentLog());
  await expect(elastic.state(false).check()).rejects.toMatchObject({
    kind: 'unavailable',
    reason: 'ELASTICSEARCH_UNAVAILABLE',
    retryAfterMs: 1_000,
  });
  await elastic.close();
});

test('the doctor sees that it is reached, its version, TLS, rights, indices and clock, and what is wrong', async () => {
  const good = await findings(settings(secured(), ca));
  expect(good.filter(({ verdict }) => verdict === 'bad')).toEqual([]);
  expect(good.map(({ about }) => about)).toEqual(['reachable', 'version', 'tls', 'rights', 'schema', 'clock']);
  expect(await findings(settings(secured(), otherCa))).toMatchObject([{ about: 'tls', verdict: 'bad' }]);
  expect(await findings(settings(secured('shop:wrong@'), ca))).toMatchObject([{ about: 'rights', verdict: 'bad' }]);
  expect(await findings(settings('http://localhost:1'))).toMatchObject([{ about: 'reachable', verdict: 'bad' }]);
  expect(JSON.stringify(good)).not.toContain('word');
});
