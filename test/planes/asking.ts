import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import type { Answer, Question } from '../../mesh/matrix.ts';
import type { World } from './world.ts';

const emptyMessage = Buffer.alloc(5); // gRPC's frame of nothing
const giveUpMs = 20_000;
const unauthenticated = 16;
const permissionDenied = 7;
const codesOfAllowed = new Set([0, 12]); // 12: there is no such method behind, which only who was let in learns

/** Asks over the wire, with the caller's certificate. Whoever is let in keeps the connection; who is not makes one each time. */
export function createAsker(world: World, portOf: (workload: string) => number): Asker {
  return createAskerBy((question) => {
    const shown = world.shownBy(question);
    return connect(`https://127.0.0.1:${portOf(question.workload)}`, {
      ca: world.certificateOf(question.workload).ca,
      ...(shown === undefined ? {} : { cert: shown.cert, key: shown.key }),
      checkServerIdentity: () => undefined, // this is about the other side
      ALPNProtocols: ['h2'],
    });
  }, world);
}

/** Asks as a workload's own process does: without any certificate, on the socket of its sidecar. */
export function createSidecarAsker(world: World, socketOf: (caller: string) => string): Asker {
  return createAskerBy(({ caller, workload }) => {
    if (typeof caller === 'string') throw new Error(`${caller} has no sidecar`);
    const path = socketOf(caller.workload);
    return connect(`http://${workload}`, { createConnection: () => connectSocket(path) });
  }, world);
}

type Asker = { ask(question: Question): Promise<Answer>; close(): void };

function createAskerBy(reach: (question: Question) => ClientHttp2Session, world: World): Asker {
  const sessions = new Map<string, ClientHttp2Session>();
  const unheard = new WeakSet<ClientHttp2Session>();

  function open(question: Question): ClientHttp2Session {
    const session = reach(question);
    session.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'ECONNREFUSED') unheard.add(session); // nobody there is no answer
    });
    return session;
  }

  function sessionFor(question: Question): ClientHttp2Session {
    const { caller, workload } = question;
    if (caller === 'foreign' || caller === 'anonymous') return open(question);
    const key = `${typeof caller === 'string' ? caller : caller.workload} ${workload}`;
    const known = sessions.get(key);
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const session = open(question);
    sessions.set(key, session);
    return session;
  }

  return {
    async ask(question: Question): Promise<Answer> {
      const session = sessionFor(question);
      try {
        const answer = await call(session, question.method.path, world.tokenOf(question.user));
        if (unheard.has(session)) throw new Error(`nobody listens where ${question.workload} should`);
        return answer;
      } finally {
        if (![...sessions.values()].includes(session)) session.destroy();
      }
    },
    close(): void {
      for (const session of sessions.values()) session.destroy();
    },
  };
}

function call(session: ClientHttp2Session, path: string, token: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/${path}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    });
    const late = setTimeout(() => end(undefined, new Error(`${path}: no answer`)), giveUpMs);
    const end = (answer: Answer | undefined, error?: Error): void => {
      clearTimeout(late);
      if (answer === undefined) reject(error ?? new Error(`${path}: the call ended without a code`));
      else resolve(answer);
      stream.destroy();
    };
    const told = (status: unknown): void => {
      if (typeof status !== 'string') return;
      const answer = answerOfCode(Number(status));
      end(answer, new Error(`${path}: code ${status} is no answer`));
    };
    stream.on('response', (headers) => told(headers['grpc-status']));
    stream.on('trailers', (trailers) => told(trailers['grpc-status']));
    stream.on('data', () => end('allowed')); // it is being answered
    stream.on('error', () => {});
    stream.on('close', () => {
      if (session.destroyed || session.closed) end('rejected');
      else end(undefined);
    });
    stream.end(emptyMessage);
  });
}

function answerOfCode(code: number): Answer | undefined {
  if (code === permissionDenied) return 'denied';
  if (code === unauthenticated) return 'unauthenticated';
  return codesOfAllowed.has(code) ? 'allowed' : undefined;
}
