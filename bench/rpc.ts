import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { issueForAnHour, load } from './rpc-caller.ts';
import { kinds, type RpcServerKind } from './rpc-server.ts';

/** One server under load. */
export type RpcRow = {
  readonly kind: RpcServerKind;
  readonly perSecond: number;
  /** Processor time of the server for one call, in microseconds: the figure that a busy machine blurs least. */
  readonly cpuMicros: number;
  /** How the processor time of grpc-js with TLS compares, in percent: above 100 is cheaper than that. */
  readonly percentOfGrpcJsTls: number;
};

const inFlight = 32; // on one connection, as one gateway has it
const warmUpMs = 1_500; // until V8 has optimized what is hot

/**
 * Measures bare grpc-js, this project's server bare and with all it does, and connect-node's, with the same contract, message and
 * codec. Each server runs in a process of its own, one after the other, `rounds` times in turn; the best round counts,
 * because whatever else runs on the machine only ever adds.
 */
export async function benchRpc({
  seconds = 3,
  rounds = 3,
  only = kinds,
}: { seconds?: number; rounds?: number; only?: readonly RpcServerKind[] } = {}): Promise<RpcRow[]> {
  const best = new Map<RpcServerKind, { readonly perSecond: number; readonly cpuMicros: number }>();
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of only) {
      const measured = await measure(kind, seconds);
      const before = best.get(kind);
      if (before === undefined || measured.cpuMicros < before.cpuMicros) best.set(kind, measured);
    }
  }
  const base = best.get('grpc-js-tls')?.cpuMicros ?? NaN;
  return [...best].map(([kind, { perSecond, cpuMicros }]) => ({
    kind,
    perSecond: Math.round(perSecond),
    cpuMicros: Math.round(cpuMicros * 10) / 10,
    percentOfGrpcJsTls: Math.round((base / cpuMicros) * 100),
  }));
}

async function measure(kind: RpcServerKind, seconds: number): Promise<{ perSecond: number; cpuMicros: number }> {
  const { product, gateway } = await (certificates ??= issueForAnHour());
  const child = fork(new URL('./rpc-server.ts', import.meta.url), {
    serialization: 'json',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const port = await ask(child, { kind, tls: product });
    const plain = kind === 'grpc-js' || kind === 'only2u-bare' || kind === 'connect-node';
    const session = plain ? connect(`http://127.0.0.1:${port}`) : connect(`https://localhost:${port}`, gateway);
    await once(session, 'connect');
    await load(session, warmUpMs, inFlight);
    const before = await ask(child, 'cpu');
    const began = performance.now();
    const { length: calls } = await load(session, seconds * 1_000, inFlight);
    const elapsedMs = performance.now() - began;
    const spent = (await ask(child, 'cpu')) - before;
    session.close();
    return { perSecond: (calls * 1_000) / elapsedMs, cpuMicros: spent / calls };
  } finally {
    child.disconnect(); // it ends then
  }
}

export async function ask(child: ChildProcess, message: object | string): Promise<number> {
  child.send(message);
  const [answer] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('the server ended'))),
  ])) as [number];
  return answer;
}

let certificates: ReturnType<typeof issueForAnHour> | undefined;

if (import.meta.main) {
  const only = process.argv.slice(2).flatMap((name) => kinds.filter((kind) => kind === name));
  console.table(await benchRpc(only.length > 0 ? { only } : {}));
}
