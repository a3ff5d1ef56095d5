import { randomBytes } from 'node:crypto';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { engineVariable } from '#platform/testing/engines.ts';

/** A virtual host of the test's own on the RabbitMQ that runs. */
export type TestVhost = {
  readonly name: string;
  readonly config: { readonly RABBITMQ_URL: string; readonly RABBITMQ_CA: string };
  /** Asks RabbitMQ's management, as its administrator. */
  manage(method: string, path: string, body?: unknown): Promise<unknown>;
  close(): Promise<void>;
};

/** A user who may write and read everything in it, and make nothing: what the definitions say is all that there is. */
export async function openTestVhost(definitions: (vhost: string) => object = () => ({})): Promise<TestVhost> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const password = randomBytes(16).toString('hex');
  const url = new URL(engineVariable('RABBITMQ_ADMIN_URL'));
  url.username = name;
  url.password = password;
  url.pathname = `/${name}`;
  await manage('PUT', `/api/vhosts/${name}`);
  await manage('PUT', `/api/users/${name}`, { password, tags: '' });
  await manage('PUT', `/api/permissions/${name}/${name}`, { configure: '^$', write: '.*', read: '.*' });
  await manage('POST', `/api/definitions/${name}`, definitions(name));
  return {
    name,
    config: { RABBITMQ_URL: url.href, RABBITMQ_CA: engineVariable('RABBITMQ_CA') },
    manage,
    async close() {
      await manage('DELETE', `/api/vhosts/${name}`);
      await manage('DELETE', `/api/users/${name}`);
    },
  };
}

/** Asks RabbitMQ’s management, as its administrator. */
export async function manage(method: string, path: string, body?: unknown): Promise<unknown> {
  const url = new URL(path, engineVariable('RABBITMQ_MANAGEMENT_URL'));
  const auth = new URL(engineVariable('RABBITMQ_MANAGEMENT_URL'));
  const request = url.protocol === 'https:' ? requestTls : requestPlain;
  const text = await new Promise<string>((resolve, reject) => {
    const sent = request(
      url,
      {
        method,
        ca: engineVariable('RABBITMQ_CA'),
        auth: `${decodeURIComponent(auth.username)}:${decodeURIComponent(auth.password)}`,
        headers: { 'Content-Type': 'application/json' },
        timeout: 30_000,
      },
      (answer) => {
        let received = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (received += chunk));
        answer.on('end', () => {
          if ((answer.statusCode ?? 500) < 300) resolve(received);
          else reject(new Error(`RabbitMQ answers ${method} ${path} with ${String(answer.statusCode)}: ${received}`));
        });
      },
    );
    sent.on('error', reject);
    sent.on('timeout', () => sent.destroy(new Error('RabbitMQ’s management does not answer')));
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
  return text === '' ? undefined : JSON.parse(text);
}
