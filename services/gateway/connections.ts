import type { BlockList, Socket } from 'node:net';
import { clientAddress, isTrusted } from './address.ts';

/** One client's connection, and how many of its calls are being served. */
export type Connection = {
  began(): void;
  ended(): void;
  readonly idle: boolean;
  /** Says how to end the connection politely, once it is known what it speaks; until then it is cut. */
  speaks(end: () => void): void;
};

export type ConnectionLimits = {
  readonly maxConnections: number;
  readonly maxPerAddress: number;
  /** Proxies bring many clients over few addresses: they are bounded only together. */
  readonly trusted: BlockList;
};

/**
 * The open connections, bounded in all and for each address. When there are too many, the one that waits longest without
 * a request gives way, so that a crowd of idle connections keeps nobody out, not even others behind the same address.
 */
export type Connections = {
  /** Takes a new connection in; cuts it when all others are at work. */
  add(socket: Socket): Connection | undefined;
  readonly open: number;
  /** How many were cut to keep the bounds. */
  readonly cut: number;
  /** Ends each connection as soon as it is idle, and after `graceMs` those that are left. Resolves when none is. */
  close(graceMs: number): Promise<void>;
};

type Held = Connection & { readonly peer: string; readonly socket: Socket; end(): void };

export function createConnections({ maxConnections, maxPerAddress, trusted }: ConnectionLimits): Connections {
  const all = new Set<Held>();
  const idle = new Set<Held>();
  const byAddress = new Map<string, Set<Held>>();
  let cut = 0;
  let closing: { allGone(): void } | undefined;

  function hold(socket: Socket, peer: string): Held {
    let calls = 0;
    let endPolitely: (() => void) | undefined;
    return {
      peer,
      socket,
      get idle() {
        return calls === 0;
      },
      began() {
        if (calls++ === 0) idle.delete(this);
      },
      ended() {
        if (--calls > 0 || !all.has(this)) return;
        idle.add(this);
        if (closing !== undefined) this.end();
      },
      speaks(end) {
        endPolitely = end;
        if (closing !== undefined) end();
      },
      end() {
        if (endPolitely === undefined) socket.destroy();
        else endPolitely();
      },
    };
  }

  function forget(held: Held): void {
    if (!all.delete(held)) return;
    idle.delete(held);
    const mates = byAddress.get(held.peer);
    mates?.delete(held);
    if (mates?.size === 0) byAddress.delete(held.peer);
    if (all.size === 0) closing?.allGone();
  }

  function makeRoom(among: Iterable<Held>): boolean {
    for (const held of among) {
      if (!held.idle) continue;
      cut++;
      forget(held);
      held.socket.destroy();
      return true;
    }
    return false;
  }

  function hasRoom(peer: string): boolean {
    const mates = byAddress.get(peer);
    if (mates !== undefined && mates.size >= maxPerAddress && !isTrusted(peer, trusted) && !makeRoom(mates))
      return false;
    return all.size < maxConnections || makeRoom(idle);
  }

  return {
    add(socket) {
      const peer = clientAddress(socket.remoteAddress ?? '', undefined, trusted);
      if (closing !== undefined || !hasRoom(peer)) {
        cut++;
        socket.destroy();
        return undefined;
      }
      const held = hold(socket, peer);
      all.add(held);
      idle.add(held);
      const mates = byAddress.get(peer);
      if (mates === undefined) byAddress.set(peer, new Set([held]));
      else mates.add(held);
      socket.once('close', () => forget(held));
      return held;
    },
    get open() {
      return all.size;
    },
    get cut() {
      return cut;
    },
    async close(graceMs) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          for (const { socket } of [...all]) socket.destroy();
        }, graceMs);
        closing = {
          allGone() {
            clearTimeout(timer);
            resolve();
          },
        };
        for (const held of [...idle]) held.end();
        for (const held of [...all]) if (!held.idle) held.end();
        if (all.size === 0) closing.allGone();
      });
    },
  };
}
