import { connect, createServer, type Server, type Socket } from 'node:net';

export type Cable = {
  readonly port: number;
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Connections stay and are made, and nothing comes through: as to a process that has got SIGSTOP. */
  pause(): void;
  /** What was held comes through. */
  resume(): void;
  close(): Promise<void>;
};

/** Opens a way to an engine that can be cut, and that holds what is on it. For tests alone. */
export async function openCable(to: URL): Promise<Cable> {
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;
  let isPaused = false;
  async function listen(): Promise<void> {
    server = createServer((socket) => {
      const onward = connect(Number(to.port), to.hostname);
      for (const [from, into] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        sockets.add(from);
        from.on('error', () => into.destroy()).on('close', () => into.destroy());
        from.on('data', (chunk) => into.write(chunk)).on('end', () => into.end());
        if (isPaused) from.pause();
      }
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const address = server.address();
    port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  }
  async function cut(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    await closed;
  }
  await listen();
  return {
    get port() {
      return port;
    },
    cut,
    mend: listen,
    pause() {
      isPaused = true;
      for (const socket of sockets) socket.pause();
    },
    resume() {
      isPaused = false;
      for (const socket of sockets) socket.resume();
    },
    close: cut,
  };
}
