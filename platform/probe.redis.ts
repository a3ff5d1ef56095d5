import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

const probeMs = 1_000;

/** What a port answers to: asked only once a connection has failed, to say why. */
export async function whatSpeaks(host: string, port: number): Promise<'tls' | 'plain' | 'nothing'> {
  if (await answersPlain(host, port)) return 'plain';
  return (await answersTls(host, port)) ? 'tls' : 'nothing';
}

function answersPlain(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port, timeout: probeMs });
  return new Promise((resolve) => {
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => settle(/^[+-]/.test(data.toString('latin1')))); // +PONG, -NOAUTH, -LOADING…
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
    function settle(answer: boolean): void {
      resolve(answer);
      socket.destroy();
    }
  });
}

/** Whom it is doesn't matter: nothing is sent, and the connection ends with the handshake. */
function answersTls(host: string, port: number): Promise<boolean> {
  const socket = connectTls({ host, port, timeout: probeMs, rejectUnauthorized: false });
  return new Promise((resolve) => {
    socket.once('secureConnect', () => settle(true));
    // A server that wants a certificate of ours has spoken TLS too.
    socket.once('error', (error) => settle(/alert|certificate required/i.test(error.message)));
    socket.once('timeout', () => settle(false));
    socket.once('close', () => settle(false));
    function settle(answer: boolean): void {
      resolve(answer);
      socket.destroy();
    }
  });
}
