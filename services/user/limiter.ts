import { createHmac } from 'node:crypto';
import { normaliseEmail } from './account.ts';
import {
  chargeAttempt,
  clientNetwork,
  networkLimits,
  pairLimits,
  refundAttempt,
  tooManyAttempts,
  type AttemptLimits,
  type Attempts,
} from './attempts.ts';
import type { Tables, UserStore } from './store.ts';

/** Who tries a password: from where, for which address, and by which session when one is open already. */
export type Attempt = { readonly address: string; readonly email: string; readonly sessionId?: string };

/** An attempt that has been counted as a failure in advance. */
export type Charge = {
  /** Takes it back: it was right, or it was never made. */
  refund(tx: Pick<Tables, 'attempts'>): Promise<void>;
};

export type Limiter = {
  /** Counts an attempt before the password is looked at. Throws resource-exhausted, with the time to wait, when it is too early. */
  charge(attempt: Attempt, now: Date): Promise<Charge>;
};

type Count = { readonly key: Buffer; readonly limits: AttemptLimits };

/** Counts attempts as attempts.ts says, in the store. */
export function createLimiter({ store, secret }: { store: UserStore; secret: Buffer }): Limiter {
  const count = (limits: AttemptLimits, ...parts: readonly string[]): Count => ({
    key: createHmac('sha256', secret).update(JSON.stringify(parts)).digest(),
    limits,
  });

  return {
    async charge({ address, email, sessionId }, now) {
      const network = clientNetwork(address);
      const counts = [
        count(pairLimits, 'pair', network, normaliseEmail(email)),
        count(networkLimits, 'network', network),
        ...(sessionId === undefined ? [] : [count(pairLimits, 'session', sessionId)]),
      ];
      const charged = await store.change(async (tx) => {
        const found = await tx.attempts.lock(counts.map(({ key }) => key));
        const counted = counts.map((one, index) => ({ ...one, before: found[index] }));
        return charge(tx, counted, now);
      });
      return { refund: (tx) => refund(tx, charged) };
    },
  };
}

type Charged = { readonly key: Buffer; readonly attempts: Attempts };

type Counted = Count & { readonly before: Attempts | undefined };

/** Charges all of the counts or, when one of them refuses, none. */
async function charge(tx: Pick<Tables, 'attempts'>, counted: readonly Counted[], now: Date): Promise<Charged[]> {
  const charged: Charged[] = [];
  for (const { key, limits, before } of counted) {
    const attempts = chargeAttempt(before, limits, now);
    if (attempts !== undefined) charged.push({ key, attempts });
  }
  if (charged.length < counted.length) {
    const until = counted.map(({ before }) => before?.blockedUntil.getTime() ?? 0);
    throw tooManyAttempts(new Date(Math.max(...until)), now);
  }
  await tx.attempts.save(charged);
  return charged;
}

async function refund(tx: Pick<Tables, 'attempts'>, charged: readonly Charged[]): Promise<void> {
  const found = await tx.attempts.lock(charged.map(({ key }) => key));
  const refunded = charged.flatMap(({ key, attempts }, index) => {
    const current = found[index];
    return current === undefined ? [] : [{ key, attempts: refundAttempt(current, attempts) }];
  });
  await tx.attempts.save(refunded);
}
