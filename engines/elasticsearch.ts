import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { findJava, fromMaven, installOnce, runProgram } from './programs.ts';
import type { Place, Recipe } from './recipe.ts';

export const usualVersion = '8.19.21';
const user = 'only2u';
const heapMb = 512;
const sources = resolve(import.meta.dirname, 'java');
const modules = { 'only2u-edge': 'EdgeModule', 'only2u-words': 'WordsModule' } as const;

/** elasticsearch.yml: HTTP is TLS with a password; nodes would meet on the other port, on this machine alone. */
export function elasticConfig({ ports, tls, folder }: Pick<Place, 'ports' | 'tls' | 'folder'>): string {
  return `cluster.name: only2u
node.name: node1
network.host: 127.0.0.1
http.port: ${ports['tls']}
transport.port: ${ports['transport']}
discovery.type: single-node
action.auto_create_index: false
action.destructive_requires_name: false
cluster.routing.allocation.disk.threshold_enabled: false
only2u.tls.certificate: ${JSON.stringify(tls.cert)}
only2u.tls.key: ${JSON.stringify(tls.key)}
only2u.user: ${user}
only2u.password_file: ${JSON.stringify(join(folder, 'secrets/password'))}
`;
}

const logConfig = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`;

/** Elasticsearch 8 from Maven Central on Java 17, with modules of our own for TLS, the password and words: see java/. */
export const elasticsearch: Recipe = {
  name: 'elasticsearch',
  title: 'Elasticsearch',
  ports: { tls: 29_200, transport: 29_300 },
  memoryMb: 700,
  startWithinMs: 180_000,
  async plan(place) {
    const version = place.version ?? usualVersion;
    const java = await findJava(17, place.say);
    const jars = await installOnce(`elasticsearch-${version}`, place.say, async (aside) => {
      place.say(`installing Elasticsearch ${version} (Maven Central, 50 MB, once)`);
      const artifacts = ['org.elasticsearch:elasticsearch', 'org.elasticsearch.plugin:transport-netty4'];
      await fromMaven(
        artifacts.map((artifact) => `${artifact}:${version}`),
        aside,
        place.say,
      );
    });
    const built = await build({ version, java, jars, say: place.say });
    await place.secret('password');
    const home = await place.makeFolder('home');
    const config = elasticConfig(place);
    await place.write('home/config/elasticsearch.yml', config);
    await place.write('home/config/log4j2.properties', logConfig);
    for (const name of ['plugins', 'lib', 'temporary']) await place.makeFolder(`home/${name}`);
    await rm(join(home, 'modules'), { force: true });
    await symlink(join(built, 'modules'), join(home, 'modules'));
    return [
      {
        name: 'elasticsearch',
        command: [
          join(java, 'java'),
          `-Xms${heapMb}m`,
          `-Xmx${heapMb}m`,
          '-XX:+UseG1GC',
          '-XX:+ExitOnOutOfMemoryError',
          '-Djava.security.manager=allow',
          `-Djava.io.tmpdir=${join(home, 'temporary')}`,
          '-Dlog4j2.disable.jmx=true',
          '-Dio.netty.allocator.numDirectArenas=0',
          '-cp',
          `${join(built, 'classes')}:${jars}/*`,
          'only2u.engine.SingleNode',
          home,
        ],
      },
    ];
  },
  async setUp(place) {
    await asked(place, '/_cluster/health?wait_for_status=yellow&timeout=5s');
  },
  async check(place) {
    const welcome = z.object({ version: z.object({ number: z.string() }) }).parse(await asked(place, '/'));
    return welcome.version.number;
  },
  async variables(place) {
    const url = `https://${user}:${await place.secret('password')}@127.0.0.1:${place.ports['tls']}`;
    return { ELASTICSEARCH_URL_FILE: await place.write('url', url), ELASTICSEARCH_CA_FILE: place.tls.ca };
  },
};

type Build = {
  readonly version: string;
  readonly java: string;
  readonly jars: string;
  readonly say: (text: string) => void;
};

/** Compiles what is ours; anew when a source changes. */
async function build({ version, java, jars, say }: Build): Promise<string> {
  const names = (await readdir(sources)).sort();
  const hash = createHash('sha256').update(version);
  for (const name of names) hash.update(await readFile(join(sources, name)));
  return installOnce(`elasticsearch-edge-${version}-${hash.digest('hex').slice(0, 8)}`, say, async (aside) => {
    say('compiling its modules (once)');
    const compiled = join(aside, 'compiled');
    await runProgram([
      join(java, 'javac'),
      ...['-nowarn', '-cp', `${jars}/*`, '-d', compiled],
      ...names.map((name) => join(sources, name)),
    ]);
    await takeClasses(compiled, join(aside, 'classes'), 'SingleNode');
    // A module's classes are in its jar and nowhere else, or Elasticsearch refuses it.
    for (const [name, type] of Object.entries(modules)) {
      const folder = join(aside, 'modules', name);
      const classes = join(aside, name);
      await mkdir(folder, { recursive: true });
      await takeClasses(compiled, classes, type);
      await runProgram([join(java, 'jar'), 'cf', join(folder, `${name}.jar`), '-C', classes, '.']);
      await writeFile(
        join(folder, 'plugin-descriptor.properties'),
        `name=${name}\ndescription=of Only2U\nversion=1\nelasticsearch.version=${version}\njava.version=17\nclassname=only2u.engine.${type}\n`,
      );
    }
  });
}

/** Copies a class and those inside it. */
async function takeClasses(from: string, to: string, type: string): Promise<void> {
  const place = 'only2u/engine';
  await mkdir(join(to, place), { recursive: true });
  for (const name of await readdir(join(from, place)))
    if (name === `${type}.class` || name.startsWith(`${type}$`))
      await copyFile(join(from, place, name), join(to, place, name));
}

async function asked(place: Place, path: string): Promise<unknown> {
  const [ca, password] = [await readFile(place.tls.ca, 'utf8'), await place.secret('password')];
  const text = await new Promise<string>((done, fail) => {
    const sent = request(
      { host: '127.0.0.1', port: place.ports['tls'], path, ca, auth: `${user}:${password}`, timeout: 10_000 },
      (answer) => {
        let received = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (received += chunk));
        answer.on('end', () => {
          if (answer.statusCode === 200) done(received);
          else fail(new Error(`Elasticsearch answers ${path} with ${answer.statusCode}: ${received}`));
        });
      },
    );
    sent.on('error', fail);
    sent.on('timeout', () => sent.destroy(new Error('Elasticsearch does not answer')));
    sent.end();
  });
  return JSON.parse(text);
}
