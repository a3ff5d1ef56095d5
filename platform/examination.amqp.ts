import type { ChannelModel } from 'amqplib';
import { dial, rabbitRefusal } from './connection.amqp.ts';
import type { RabbitConfig } from './engine-config.ts';
import type { Finding } from './engine.ts';
import { rabbitNames } from './event-bus-names.ts';
import { contractPolicies, hearsOf, tellsOf } from './event-policy.ts';

const deadPage = 1_000;

/** Looks at the RabbitMQ of some services, as those would use it: what the contracts give them must be there. */
export async function* examineRabbit(
  config: RabbitConfig & { readonly RABBITMQ_URL: string },
  services: readonly string[],
): AsyncIterable<Finding> {
  let model: ChannelModel;
  try {
    model = await dial(config);
  } catch (error) {
    const refusal = await rabbitRefusal(config, error);
    const why = error instanceof Error ? error.message : String(error);
    yield {
      about: 'reachable',
      verdict: 'bad',
      text: refusal?.message ?? `it can’t be reached: ${why}. Start it, or correct RABBITMQ_URL.`,
    };
    return;
  }
  model.on('error', () => undefined); // each question is rejected with it
  try {
    const { host, protocol } = new URL(config.RABBITMQ_URL);
    yield { about: 'reachable', verdict: 'good', text: `answers at ${host}` };
    yield protocol === 'amqps:'
      ? { about: 'tls', verdict: 'good', text: 'encrypted, and its certificate is trusted' }
      : { about: 'tls', verdict: 'warning', text: 'plain text: say amqps in RABBITMQ_URL, and RABBITMQ_CA_FILE' };
    yield versionOf(model.connection.serverProperties.version);
    for (const service of services) yield* examineService(model, service);
  } finally {
    await model.close().catch(() => undefined);
  }
}

function versionOf(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major >= 4 || (major === 3 && minor >= 12)) return { about: 'version', verdict: 'good', text: version };
  return major === 3 && minor >= 10
    ? { about: 'version', verdict: 'warning', text: `${version} works; 3.12 and 4 are supported` }
    : { about: 'version', verdict: 'bad', text: `${version} is too old: 3.12 or 4` };
}

async function* examineService(model: ChannelModel, service: string): AsyncIterable<Finding> {
  const { eventsOf, deadOf, replayOf } = rabbitNames;
  const tells = tellsOf(service, contractPolicies).length > 0;
  const hears = hearsOf(service, contractPolicies).length > 0;
  const exchanges = [...(tells ? [eventsOf(service)] : []), ...(hears ? [replayOf(service)] : [])];
  const queues = hears ? [service, deadOf(service)] : [];
  const missing: string[] = [];
  for (const name of exchanges)
    if ((await asked(model, (channel) => channel.checkExchange(name))) === undefined) missing.push(name);
  for (const name of queues) {
    const found = await asked(model, (channel) => channel.checkQueue(name));
    if (found === undefined) missing.push(name);
    else if (name === deadOf(service) && found.messageCount > 0)
      yield {
        about: 'schema',
        verdict: 'warning',
        text: `${Math.min(found.messageCount, deadPage)} dead events wait in ${name}: start ${service}, which puts them with its others`,
      };
  }
  const all = exchanges.length + queues.length;
  yield missing.length === 0
    ? {
        about: 'schema',
        verdict: 'good',
        text: `${service}: ${all === 0 ? 'tells and hears nothing' : `all ${all} of its exchanges and queues are there`}`,
      }
    : {
        about: 'schema',
        verdict: 'bad',
        text: `${service} lacks ${missing.join(', ')}: import gen/mesh/rabbitmq/definitions.json`,
      };
  if (!hears || missing.length > 0) return;
  const mayRead = await asked(model, (channel) => channel.get(deadOf(service))); // a queue with one active consumer can’t be asked so, and the right is one;
  yield mayRead === undefined
    ? {
        about: 'rights',
        verdict: 'bad',
        text: `the user may not read ${service}: each service has its own, ${service.toUpperCase()}_RABBITMQ_URL`,
      }
    : { about: 'rights', verdict: 'good', text: `the user may read ${service}` };
}

/** Asks on a channel of its own, since a refusal ends it; undefined when it is refused. */
async function asked<T>(
  model: ChannelModel,
  ask: (channel: Awaited<ReturnType<ChannelModel['createChannel']>>) => Promise<T>,
): Promise<T | undefined> {
  const channel = await model.createChannel();
  let refused = false;
  channel.on('error', () => (refused = true)); // the question is rejected with it
  try {
    const answer = await ask(channel);
    return answer;
  } catch {
    return undefined;
  } finally {
    if (!refused) await channel.close().catch(() => undefined);
  }
}
