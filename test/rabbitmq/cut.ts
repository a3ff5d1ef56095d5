import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A wire to an engine that can be cut. */
export type Wire = {
  readonly port: number;
  /** Ends every connection that is open, without a goodbye. */
  cut(): void;
  /** Lets nothing through any more, and says nothing either, until `mend`. */
  hang(): void;
  mend(): void;
  close(): Promise<void>;
};

export async function openWire(host: string, port: number): Promise<Wire> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let hanging = false;
  const server = createServer((near) => {
    const far = connect(port, host);
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('data', (chunk) => {
        if (!hanging) to.write(chunk);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const cut = (): void => {
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    cut,
    hang: () => void (hanging = true),
    mend: () => void (hanging = false),
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
