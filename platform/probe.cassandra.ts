import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

const probeMs = 2_000;
const optionsRequest = Buffer.from([4, 0, 0, 0, 5, 0, 0, 0, 0]); // OPTIONS of protocol 4, which needs no sign-in

/** Whether a port speaks TLS; undefined when it answers neither. Asked only once a connection has failed, to say why. */
export async function speaksTls(host: string, port: number): Promise<boolean | undefined> {
  if (await answers(() => connect({ host, port }), 'connect', 'data')) return false;
  return (await answers(() => connectTls({ host, port, rejectUnauthorized: false }), 'secureConnect'))
    ? true
    : undefined;
}

function answers(open: () => ReturnType<typeof connect>, opened: string, answered = opened): Promise<boolean> {
  const socket = open();
  socket.setTimeout(probeMs);
  return new Promise((resolve) => {
    if (opened !== answered) socket.once(opened, () => socket.write(optionsRequest));
    // A TLS server answers plain bytes with an alert, which begins with 0x15; Cassandra with 0x8n.
    socket.once(answered, (data?: Buffer) => settle(data === undefined || (data[0] ?? 0) >= 0x80));
    for (const over of ['timeout', 'error', 'close']) socket.once(over, () => settle(false));
    function settle(answer: boolean): void {
      resolve(answer);
      socket.destroy();
    }
  });
}
