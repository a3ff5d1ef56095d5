import { connect } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import type { TlsMaterial } from '#platform/rpc/tls.ts';
import { writeCertificate } from '../../envoy/certificates.ts';
import { readsText, startReading } from './reads.ts';
import { must, until, type World } from './world.ts';

const dayMs = 24 * 3_600_000;
const shortMs = 4_000;
const rotations = 5;

/** What comes of a connection to a service: the serial number of its certificate, or why there is none. */
function connected(world: World, service: string, { ca, cert, key }: TlsMaterial): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({
      host: '127.0.0.1',
      port: world.portOf(service),
      servername: 'localhost',
      ca,
      cert,
      key,
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.3',
    });
    socket.once('error', (error) => resolve(`refused: ${error.message}`));
    // In TLS 1.3 the client is done before the server has looked at its certificate: the first bytes say that it was taken.
    socket.once('data', () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.once('secureConnect', () => socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'));
    socket.once('close', () => resolve('refused: closed without a word'));
    socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')));
  });
}

/** A caller whose certificate has ended is let in no more; neither is a service believed whose certificate has. */
export async function expiredIsRefused(world: World): Promise<string> {
  const soonOver = new Date(Date.now() - dayMs + shortMs);
  const caller = await world.certify('operator', soonOver);
  const service = await world.certify('coupon', soonOver);
  must(!(await connected(world, 'coupon', caller)).startsWith('refused'), 'a certificate that counts is refused');
  await writeCertificate(world.run, 'coupon', service);
  const good = await world.certify('operator');
  const serial = new X509Certificate(service.cert).serialNumber;
  await until(
    'the service shows its short certificate',
    5_000,
    async () => (await connected(world, 'coupon', good)) === serial,
  );
  await until(
    'the short certificates have ended',
    3 * shortMs,
    () => new X509Certificate(caller.cert).validToDate < new Date(),
  );
  const byService = await until('the caller is refused', 5_000, async () => {
    const answer = await connected(world, 'product', caller);
    return answer.startsWith('refused') && answer;
  });
  must(/expired/i.test(byService), `the caller is told: ${byService}`);
  const byCaller = await until('the service is refused', 5_000, async () => {
    const answer = await connected(world, 'coupon', good);
    return answer.startsWith('refused') && answer;
  });
  must(/expired/i.test(byCaller), `the caller says: ${byCaller}`);
  const hours = (await world.report()).workloads.find(({ name }) => name === 'coupon')?.certificateHours ?? 0;
  must(hours < 0, `mesh:status gives it ${hours} hours`);
  await writeCertificate(world.run, 'coupon', await world.certify('coupon'));
  await until(
    'a new certificate is believed',
    5_000,
    async () => !(await connected(world, 'coupon', good)).startsWith('refused'),
  );
  const alert = /alert certificate expired/.exec(byService)?.[0] ?? byService;
  return `the caller is told "${alert}", and says "${byCaller.slice('refused: '.length)}" of the service; a new one counts at once`;
}

/** All certificates are replaced again and again while customers look: nobody notices. */
export async function rotationGoesUnnoticed(world: World): Promise<string> {
  const reading = startReading(world, { patient: false });
  const caller = await world.certify('operator');
  const tookMs: number[] = [];
  for (let round = 0; round < rotations; round += 1) {
    const issued = await Promise.all(
      ['cart', 'user', 'gateway'].map(async (name) => [name, await world.certify(name)] as const),
    );
    const beganMs = performance.now();
    for (const [name, material] of issued) await writeCertificate(world.run, name, material);
    const serial = new X509Certificate(issued[0]?.[1].cert ?? '').serialNumber;
    await until('the new certificate is shown', 5_000, async () => (await connected(world, 'cart', caller)) === serial);
    tookMs.push(performance.now() - beganMs);
    const since = reading.succeeded();
    await until('reads after the rotation', 10_000, () => reading.succeeded() > since + 2);
  }
  const reads = await reading.stop();
  must(reads.failed.length === 0, `reads failed: ${reads.failed.join('; ')}`);
  return `${rotations} rotations, shown within ${Math.max(...tookMs).toFixed(0)} ms; ${readsText(reads)}, none failed`;
}
