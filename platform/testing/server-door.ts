import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { withConnection, type Script } from '../pool.postgres.ts';
import type { Sql } from '../statement.postgres.ts';

/** Makes and removes databases of tests on a server, for all processes of the run, over connections that stay open. */
export type Databases = {
  readonly url: string;
  /** Resolves when the database stands. */
  copy(template: string, name: string): Promise<void>;
  /** Ends whoever is connected. Goes on when the answer has come: nobody waits for a database that is of no use any more. */
  drop(name: string): Promise<void>;
  /** Resolves when all is dropped. */
  close(): Promise<void>;
};

/** `administer` is the url of a database, as the superuser, where nobody else has anything to do. */
export async function openDatabases(url: string, administer: string): Promise<Databases> {
  // A connection for each test that is opened, and one for each that is closed, took as much as the copy of the files.
  const [making, removing] = await Promise.all([hold(administer), hold(administer)]);
  let made: Promise<void> = Promise.resolve();
  let removed: Promise<void> = Promise.resolve();
  return {
    url,
    copy(template, name) {
      // Copying the files of a small template took 20 ms; the default way, through the log, 35 ms.
      const copied = made.then(() =>
        making.sql.run(`CREATE DATABASE ${name} OWNER service TEMPLATE ${template} STRATEGY file_copy`),
      );
      made = copied.catch(() => undefined);
      return copied;
    },
    drop(name) {
      removed = removed
        .then(() => removing.sql.run(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
        .catch(
          (error: unknown) => void process.stderr.write(`The database ${name} of a test stays: ${String(error)}\n`),
        );
      return Promise.resolve();
    },
    async close() {
      await Promise.all([made, removed]);
      await Promise.all([making.close(), removing.close()]);
    },
  };
}

async function hold(url: string): Promise<{ readonly sql: Sql & Script; close(): Promise<void> }> {
  const opened = Promise.withResolvers<Sql & Script>();
  const done = Promise.withResolvers<void>();
  const held = withConnection(url, (sql) => {
    opened.resolve(sql);
    return done.promise;
  });
  held.catch(opened.reject);
  const sql = await opened.promise;
  return {
    sql,
    close() {
      done.resolve();
      return held;
    },
  };
}

const questions = /^(url|copy|drop)(?: ([a-z0-9_]+))?(?: ([a-z0-9_]+))?\n$/;

/** Answers a question a connection. The first of them opens the server. */
export function createDoor(open: () => Promise<Databases>): Server {
  let opening: Promise<Databases> | undefined;
  return createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    void heard(socket)
      .then(async (question) => {
        opening ??= open();
        return answer(await opening, question);
      })
      .then(
        (text) => socket.end(`ok ${text}`),
        (error: unknown) => socket.end(String(error)),
      );
  });
}

async function answer(databases: Databases, question: string): Promise<string> {
  const [, verb, first = '', second = ''] = questions.exec(question) ?? [];
  if (verb === 'url') return databases.url;
  if (verb === 'copy' && second !== '') await databases.copy(first, second);
  else if (verb === 'drop' && first !== '') await databases.drop(first);
  else throw new Error(`nobody knows what ${JSON.stringify(question)} means`);
  return '';
}

async function heard(socket: Socket): Promise<string> {
  let text = '';
  for await (const piece of socket.setEncoding('utf8').iterator({ destroyOnReturn: false })) text += String(piece);
  return text;
}

/** Asks the door that global set-up opened: `url`, `copy TEMPLATE NAME` or `drop NAME`. */
export async function askDoor(question: string): Promise<string> {
  const path = process.env['ONLY2U_TEST_POSTGRES'];
  if (path === undefined) throw new Error('Run the test with npm test: jest’s global setup offers the database.');
  const said = await new Promise<string>((resolve, reject) => {
    const socket = createConnection(path).on('error', reject);
    socket.end(`${question}\n`);
    heard(socket).then(resolve, reject);
  });
  if (!said.startsWith('ok ')) throw new Error(`PostgreSQL for tests failed: ${said}`);
  return said.slice('ok '.length);
}
