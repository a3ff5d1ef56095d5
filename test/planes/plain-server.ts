import { mkdir } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { dirname } from 'node:path';

/** What a process behind an Envoy does with a call. */
export type PlainAnswer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** Yes to everything; to those who ask for its health, as they read it. */
export const answerOk: PlainAnswer = (stream, headers) => {
  if (headers[':path'] === '/grpc.health.v1.Health/Check') answerServing(stream);
  else answerCode(stream, 0);
};

/** Ends a call with a code and no message. */
export function answerCode(stream: ServerHttp2Stream, code: number): void {
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(code) },
    { endStream: true },
  );
}

function answerServing(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, 1])); // HealthCheckResponse { status: SERVING }
}

/** A server of plain gRPC on a socket, as a process behind a sidecar is one. */
export async function servePlain(socketPath: string, answer: PlainAnswer): Promise<() => Promise<void>> {
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o700 });
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {}); // the caller went away
    answer(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return async () => {
    for (const session of sessions) session.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
}
