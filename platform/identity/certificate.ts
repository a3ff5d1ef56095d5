import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A certificate with its private key, both in PEM. */
export type KeyPair = { readonly cert: string; readonly key: string };

export type RootOptions = {
  /** The common name of subject and issuer, for people. */
  readonly name: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
};

export type LeafOptions = {
  readonly issuer: KeyPair;
  /** The subject's common name, for people: identity is the SPIFFE ID. */
  readonly name: string;
  readonly spiffeId: string;
  /** Host names and addresses that it answers for. */
  readonly hosts: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
};

/** Makes the root certificate of a mesh: ECDSA on P-256, for signing certificates and nothing else. */
export function createRoot(root: RootOptions): Promise<KeyPair> {
  return writingTogether(() => writer.ask({ root }));
}

/** Issues the certificate of a workload, an X.509-SVID (https://spiffe.io/docs/latest/spiffe-specs/x509-svid/) with a new key. */
export function issueCertificate(leaf: LeafOptions): Promise<KeyPair> {
  return writingTogether(() => writer.ask({ leaf }));
}

// A process of its own that ends with the work: the library takes 24 MB, of which a thread gave nothing back.
const writer = createWriter();
let users = 0;

/** Lets all that is written during `work`, here and by others at the same time, share one start of the writer. */
export async function writingTogether<T>(work: () => Promise<T>): Promise<T> {
  users += 1;
  try {
    return await work();
  } finally {
    users -= 1;
    if (users === 0) writer.close();
  }
}

type Request =
  { readonly root: RootOptions; readonly leaf?: never } | { readonly leaf: LeafOptions; readonly root?: never };
export type Order = Request & { readonly id: number };
export type Answer = { readonly id: number; readonly pair?: KeyPair; readonly error?: string };

/** A writer whose process starts at the first question after a close. */
function createWriter(): { ask(request: Request): Promise<KeyPair>; close(): void } {
  const waiting = new Map<number, PromiseWithResolvers<KeyPair>>();
  let lastId = 0;
  let child: ReturnType<typeof fork> | undefined;

  function start(): ReturnType<typeof fork> {
    const started = fork(fileURLToPath(new URL('./certificate-writer.ts', import.meta.url)), {
      execArgv: [], // not this process's: they may name what it runs
      serialization: 'advanced', // keeps dates
      detached: true, // Ctrl-C is for us to answer; without us it ends by itself
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const fail = (reason: string, cause?: unknown): void => {
      if (child !== started) return;
      child = undefined;
      for (const { reject } of waiting.values()) reject(new Error(`No certificate was written: ${reason}.`, { cause }));
      waiting.clear();
    };
    started.on('message', (message) => {
      const { id, pair, error } = message as Answer;
      const asked = waiting.get(id);
      waiting.delete(id);
      if (pair === undefined) asked?.reject(new Error(`No certificate was written: ${error}.`));
      else asked?.resolve(pair);
    });
    started.on('error', (error) => fail('its process can’t be reached', error));
    started.once('exit', (code, signal) => fail(`its process ended with ${signal ?? code}`));
    return started;
  }

  return {
    ask(request) {
      const id = ++lastId;
      const asked = Promise.withResolvers<KeyPair>();
      waiting.set(id, asked);
      child ??= start();
      child.send({ id, ...request } satisfies Order);
      return asked.promise;
    },
    close() {
      const ended = child;
      child = undefined;
      if (ended?.connected === true) ended.disconnect();
    },
  };
}
