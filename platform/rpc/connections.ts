import { constants, type Http2Session, type ServerHttp2Stream } from 'node:http2';

export type ConnectionLimits = {
  /** Connections without a call are closed after this. */
  readonly idleMs: number;
  /** Connections are asked to move on after about this, so that callers find new instances. */
  readonly ageMs: number;
  /** Calls may go on for this long on a connection that was asked to move on. */
  readonly graceMs: number;
  /** The other side is asked for a sign of life this often. */
  readonly keepaliveMs: number;
};

type Connection = {
  readonly spiffeId: string | undefined;
  /** Milliseconds of performance.now(). */
  readonly retireMs: number;
  calls: number;
  idleSinceMs: number;
  askedMs: number;
  answered: boolean;
  retiredMs: number | undefined;
};

/** The open HTTP/2 connections of a server: who is at the other end of each, and when each has to go. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #open = new Map<Http2Session, Connection>();
  readonly #sweep: NodeJS.Timeout;
  #retiring = false;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
    const shortestMs = Math.min(limits.idleMs, limits.ageMs, limits.keepaliveMs);
    this.#sweep = setInterval(() => this.#look(), Math.min(5_000, Math.max(10, shortestMs / 4)));
    this.#sweep.unref();
  }

  add(session: Http2Session, spiffeId: string | undefined): void {
    const nowMs = performance.now();
    const spread = 0.9 + Math.random() * 0.2; // those that came together shall not all leave together
    this.#open.set(session, {
      spiffeId,
      retireMs: nowMs + this.#limits.ageMs * spread,
      calls: 0,
      idleSinceMs: nowMs,
      askedMs: nowMs,
      answered: true,
      retiredMs: undefined,
    });
    session.on('error', () => {}); // it closes, which is all there is to know
    session.once('close', () => this.#open.delete(session));
    if (this.#retiring) session.close();
  }

  /** The SPIFFE ID at the other end of a new call's connection; `closed` is told when the call's stream is no more. */
  began(stream: ServerHttp2Stream, closed: () => void): string | undefined {
    const connection = stream.session === undefined ? undefined : this.#open.get(stream.session);
    if (connection !== undefined) connection.calls += 1;
    stream.once('close', () => {
      if (connection !== undefined) {
        connection.calls -= 1;
        if (connection.calls === 0) connection.idleSinceMs = performance.now();
      }
      closed();
    });
    return connection?.spiffeId;
  }

  /** Asks all connections to move on: no new calls, those that are open go on. */
  retire(): void {
    this.#retiring = true;
    for (const [session, connection] of this.#open) this.#retire(session, connection);
  }

  /** Ends all connections with what is open on them. */
  destroy(): void {
    clearInterval(this.#sweep);
    for (const session of this.#open.keys()) session.destroy(undefined, constants.NGHTTP2_CANCEL);
  }

  /**
   * One GOAWAY, with the last call that was taken: those on their way are refused, and gRPC clients make them again elsewhere by
   * themselves. RFC 9113 would announce it a round trip earlier, but then Node's clients keep calls that they can't send.
   */
  #retire(session: Http2Session, connection: Connection): void {
    if (connection.retiredMs !== undefined) return;
    connection.retiredMs = performance.now();
    session.close();
  }

  #look(): void {
    const nowMs = performance.now();
    const { idleMs, graceMs, keepaliveMs } = this.#limits;
    for (const [session, connection] of this.#open) {
      if (connection.retiredMs !== undefined) {
        if (nowMs - connection.retiredMs > graceMs) session.destroy(undefined, constants.NGHTTP2_CANCEL);
      } else if (nowMs > connection.retireMs || (connection.calls === 0 && nowMs - connection.idleSinceMs > idleMs)) {
        this.#retire(session, connection);
      } else if (nowMs - connection.askedMs > keepaliveMs) {
        if (connection.answered) this.#ask(session, connection, nowMs);
        else session.destroy();
      }
    }
  }

  #ask(session: Http2Session, connection: Connection, nowMs: number): void {
    connection.askedMs = nowMs;
    connection.answered = false;
    session.ping((error) => {
      connection.answered = error === null;
    });
  }
}
