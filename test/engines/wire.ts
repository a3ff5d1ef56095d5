import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** A wire to an engine that can be cut, slowed and unplugged. TLS goes through it as it is. */
export type Wire = {
  readonly port: number;
  /** Breaks all connections, as an engine's end or a load balancer does. New ones are let through. */
  cut(): void;
  /** From here on every packet takes so much longer, either way. 0 is as before. */
  delay(ms: number): void;
  /** From here on nothing comes through, and nobody is told: as with a cable that is pulled out, or a firewall that drops. */
  unplug(): void;
  plug(): void;
  close(): Promise<void>;
};

/** Opens a wire on this machine to a port of it. */
export async function openWire(to: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  let delayMs = 0;
  let plugged = Promise.resolve();
  let plugIn: () => void = () => undefined;

  async function carry(from: Socket, onto: Socket): Promise<void> {
    try {
      for await (const chunk of from) {
        if (delayMs > 0) await pause(delayMs);
        await plugged;
        if (!onto.write(chunk as Buffer)) await Promise.race([once(onto, 'drain'), once(onto, 'close')]);
      }
      onto.end();
    } catch {
      onto.destroy();
    }
  }

  const server = createServer({ noDelay: true }, (near) => {
    const far = createConnection({ port: to, host: '127.0.0.1', noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined); // the other end hears of it by its own
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    void carry(near, far);
    void carry(far, near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the wire has no port');

  function cut(): void {
    for (const socket of sockets) socket.resetAndDestroy();
  }

  return {
    port: address.port,
    cut,
    delay(ms) {
      delayMs = ms;
    },
    unplug() {
      const { promise, resolve } = Promise.withResolvers<void>();
      plugged = promise;
      plugIn = resolve;
    },
    plug() {
      plugIn();
      plugged = Promise.resolve();
    },
    async close() {
      server.close();
      plugIn();
      cut();
      await once(server, 'close');
    },
  };
}
