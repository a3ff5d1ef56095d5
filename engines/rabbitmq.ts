import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type Guest, openGuest, purgeGuest, type ServerFiles } from './guest-system.ts';
import { fromApt } from './programs.ts';
import type { Place, ProcessPlan, Recipe } from './recipe.ts';

const contract = resolve(import.meta.dirname, '../gen/mesh/rabbitmq');
const vhost = 'only2u';
const admin = 'admin';
const programs = '/usr/lib/rabbitmq/bin';

/** rabbitmq.conf: TLS alone, on this machine alone. Paths are as the server sees them. */
export function rabbitConfig(
  ports: Place['ports'],
  tls: { readonly ca: string; readonly cert: string; readonly key: string },
  password: string,
): string {
  const certificates = (prefix: string): string => `${prefix}.cacertfile = ${tls.ca}
${prefix}.certfile = ${tls.cert}
${prefix}.keyfile = ${tls.key}
`;
  return `listeners.tcp = none
listeners.ssl.1 = 127.0.0.1:${ports['tls']}
${certificates('ssl_options')}ssl_options.verify = verify_none
ssl_options.fail_if_no_peer_cert = false
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
management.ssl.ip = 127.0.0.1
management.ssl.port = ${ports['management']}
${certificates('management.ssl')}default_user = ${admin}
default_pass = ${password}
default_user_tags.administrator = true
vm_memory_high_watermark.absolute = 512MB
vm_memory_calculation_strategy = erlang
disk_free_limit.absolute = 50MB
log.console = true
log.file = false
`;
}

/** RabbitMQ of the system's packages; "3.12" and "4.0" from Ubuntu's and Debian's next to it, as root. */
export const rabbitmq: Recipe = {
  name: 'rabbitmq',
  title: 'RabbitMQ',
  // Erlang's nodes find each other through the last two, on this machine alone.
  ports: { tls: 25_671, management: 25_673, distribution: 25_674, names: 25_675 },
  memoryMb: 200,
  startWithinMs: 120_000,
  async plan(place) {
    const guest = place.version === undefined ? undefined : await openGuest(place.version, place.say);
    if (guest === undefined) await fromApt(['rabbitmq-server'], join(programs, 'rabbitmq-server'), place.say);
    return plan(place, guest);
  },
  async setUp(place) {
    await asked(place, 'GET', '/api/whoami');
    // The users first, each with a password: what the contracts grant is refused while one is missing.
    for (const name of await users())
      await asked(place, 'PUT', `/api/users/${name}`, { password: await place.secret(`${name}-password`), tags: '' });
    await asked(
      place,
      'POST',
      '/api/definitions',
      JSON.parse(await readFile(join(contract, 'definitions.json'), 'utf8')),
    );
    await asked(place, 'PUT', `/api/permissions/${vhost}/${admin}`, { configure: '.*', write: '.*', read: '.*' });
  },
  async check(place) {
    const { rabbitmq_version: version } = z
      .object({ rabbitmq_version: z.string() })
      .parse(await asked(place, 'GET', '/api/overview'));
    await signIn(place);
    return version;
  },
  async variables(place) {
    const urlOf = async (user: string, name: string): Promise<string> =>
      `amqps://${user}:${await passwordOf(place, user)}@127.0.0.1:${place.ports['tls']}/${name}`;
    const variables: Record<string, string> = { RABBITMQ_CA_FILE: place.tls.ca };
    for (const user of await users()) {
      variables[`${user.toUpperCase()}_RABBITMQ_URL_FILE`] = await place.write(
        `urls/${user}`,
        await urlOf(user, vhost),
      );
    }
    variables['RABBITMQ_ADMIN_URL_FILE'] = await place.write('urls/admin', await urlOf(admin, vhost));
    variables['RABBITMQ_MANAGEMENT_URL_FILE'] = await place.write(
      'urls/management',
      `https://${admin}:${await passwordOf(place, admin)}@127.0.0.1:${place.ports['management']}`,
    );
    return variables;
  },
  purge: (folder) => purgeGuest(folder),
};

function passwordOf(place: Place, user: string): Promise<string> {
  return place.secret(`${user}-password`);
}

/** Whom the contracts have tell or hear events. */
async function users(): Promise<string[]> {
  const file: unknown = JSON.parse(await readFile(join(contract, 'users.json'), 'utf8'));
  return z
    .object({ users: z.array(z.object({ name: z.string() })) })
    .parse(file)
    .users.map(({ name }) => name);
}

async function plan(place: Place, guest: Guest | undefined): Promise<ProcessPlan[]> {
  const { ports } = place;
  const password = await passwordOf(place, admin);
  const files = guest === undefined ? await hostFiles(place) : await guest.files(place);
  await files.write('rabbitmq.conf', rabbitConfig(ports, files.tls, password));
  await files.write('plugins', '[rabbitmq_management].');
  const { seen } = files;
  const env = {
    HOME: seen('home'),
    PATH: `${programs}:/usr/sbin:/usr/bin:/sbin:/bin`,
    LANG: 'C.UTF-8',
    RABBITMQ_NODENAME: `only2u${ports['tls']}@localhost`,
    RABBITMQ_CONFIG_FILE: seen('rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: seen('plugins'),
    RABBITMQ_CONF_ENV_FILE: seen('none'), // what the machine's own broker is told is not for this one
    RABBITMQ_MNESIA_BASE: seen('data'),
    RABBITMQ_LOG_BASE: seen('logs'),
    RABBITMQ_PID_FILE: seen('pid'),
    RABBITMQ_DIST_PORT: String(ports['distribution']),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(ports['names']),
  };
  const inside = guest === undefined ? [] : ['chroot', guest.root, '/usr/bin/env', '-i', ...entries(env)];
  const command = (first: string, ...rest: string[]): readonly [string, ...string[]] => {
    const [program = first, ...args] = [...inside, first, ...rest];
    return [program, ...args];
  };
  return [
    // Erlang's name server: RabbitMQ would start one that outlives it.
    { name: 'names', command: command('epmd'), env, isUp: () => true },
    { name: 'rabbitmq', command: command(`${programs}/rabbitmq-server`), env, pidFile: files.real('pid') },
  ];
}

function entries(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

async function hostFiles(place: Place): Promise<ServerFiles> {
  for (const name of ['home', 'data', 'logs']) await place.makeFolder(name);
  const path = (name: string): string => join(place.folder, name);
  return { tls: place.tls, seen: path, real: path, write: (name, text) => place.write(name, text) };
}

/** As a shop does, through AMQP. */
async function signIn(place: Place): Promise<void> {
  const { connect } = await import('amqplib');
  const password = await passwordOf(place, admin);
  const connection = await connect(`amqps://${admin}:${password}@127.0.0.1:${place.ports['tls']}/${vhost}`, {
    ca: [await readFile(place.tls.ca, 'utf8')],
    timeout: 5_000,
  });
  await connection.close();
}

/** Asks the management API. */
async function asked(place: Place, method: string, path: string, body?: unknown): Promise<unknown> {
  const [ca, password] = [await readFile(place.tls.ca, 'utf8'), await passwordOf(place, admin)];
  const text = await new Promise<string>((done, fail) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: place.ports['management'],
        method,
        path,
        ca,
        auth: `${admin}:${password}`,
        timeout: 10_000,
        headers: { 'Content-Type': 'application/json' },
      },
      (answer) => {
        let received = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (received += chunk));
        answer.on('end', () => {
          if ((answer.statusCode ?? 500) < 300) done(received);
          else fail(new Error(`RabbitMQ answers ${method} ${path} with ${answer.statusCode}: ${received}`));
        });
      },
    );
    sent.on('error', fail);
    sent.on('timeout', () => sent.destroy(new Error('RabbitMQ does not answer')));
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
  return text === '' ? undefined : JSON.parse(text);
}
