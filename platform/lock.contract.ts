import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Held, Leases, Locks } from './lock.ts';

/** What two processes see of one engine: leases of the same names, each over connections of its own. */
export type LockBench = {
  readonly one: { readonly locks: Locks; readonly leases: Leases };
  readonly other: { readonly locks: Locks; readonly leases: Leases };
  /** Takes the lease of the name away, as an engine does that was emptied or that gave it to another. */
  forget(name: string): Promise<void>;
};

const longMs = 60_000;
const shortMs = 150;

/** What every adapter of the port promises. */
export function lockContract(open: () => Promise<LockBench>): void {
  let opening: Promise<LockBench> | undefined;
  let names = 0;
  const claim = (title: string, run: (bench: LockBench, name: string) => Promise<void>): void =>
    test(title, async () => run(await (opening ??= open()), `lock ${++names}`));

  claim(
    'who has it is alone, and who comes after it was given back gets it with a larger token',
    async (bench, name) => {
      const { one, other } = bench;
      const first = await one.locks.tryHold(name, { ttlMs: longMs }, async ({ token, signal }) => {
        expect(await other.locks.tryHold(name, { ttlMs: longMs }, () => Promise.resolve('too many'))).toBeUndefined();
        expect(signal.aborted).toBe(false);
        return token;
      });
      const second = await other.locks.tryHold(name, { ttlMs: longMs }, ({ token }) => Promise.resolve(token));
      expect(second?.result).toBeGreaterThan(first?.result ?? 0n);
    },
  );

  claim('locks of other names are not in the way', async ({ one, other }, name) => {
    const inner = await one.locks.tryHold(name, { ttlMs: longMs }, () =>
      other.locks.tryHold(`${name} too`, { ttlMs: longMs }, () => Promise.resolve('both')),
    );
    expect(inner?.result?.result).toBe('both');
  });

  claim('whoever waits gets it when it is given back', async ({ one, other }, name) => {
    const order: string[] = [];
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: end, resolve: letEnd } = Promise.withResolvers<void>();
    const first = one.locks.hold(name, { ttlMs: longMs }, async () => {
      begin();
      await end;
      order.push('first');
    });
    await begun;
    const second = other.locks.hold(name, { ttlMs: longMs }, () => Promise.resolve(order.push('second')));
    letEnd();
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
  });

  claim('whoever waits and is told to end, ends', async ({ one, other }, name) => {
    const stop = new AbortController();
    await one.locks.hold(name, { ttlMs: longMs }, async () => {
      const waiting = other.locks.hold(name, { ttlMs: longMs, signal: stop.signal }, () => Promise.resolve());
      stop.abort(new Error('enough'));
      await expect(waiting).rejects.toThrow('enough');
    });
  });

  claim('it is given back when the work fails, and the failure is the caller’s', async ({ one, other }, name) => {
    const failing = one.locks.hold(name, { ttlMs: longMs }, () => Promise.reject(new Error('no luck')));
    await expect(failing).rejects.toThrow('no luck');
    expect((await other.locks.tryHold(name, { ttlMs: longMs }, () => Promise.resolve('mine')))?.result).toBe('mine');
  });

  claim('work that takes longer than the time to live keeps it', async ({ one, other }, name) => {
    const ttlMs = 4 * shortMs; // which a busy machine does not oversleep
    await one.locks.hold(name, { ttlMs }, async ({ signal }) => {
      const untilMs = performance.now() + 2 * ttlMs;
      while (performance.now() < untilMs) {
        expect(await other.leases.take(name, ttlMs)).toHaveProperty('leftMs');
      }
      expect(signal.aborted).toBe(false);
    });
  });

  claim('nobody gets it before its rest is over, though the work has ended', async ({ one, other }, name) => {
    await one.locks.hold(name, { ttlMs: longMs, restMs: longMs }, () => Promise.resolve());
    const left = await other.leases.take(name, longMs);
    expect('leftMs' in left && left.leftMs).toBeGreaterThan(longMs / 2);
  });

  claim('a holder that is killed leaves it to the next when its time is over', async ({ one, other }, name) => {
    const killed = await one.leases.take(name, shortMs);
    const token = await other.locks.hold(name, { ttlMs: longMs }, (held) => Promise.resolve(held.token));
    expect(token).toBeGreaterThan('token' in killed ? killed.token : 0n);
  });

  claim('a holder that the engine forgot is told, and a store that checks tokens refuses it', async (bench, name) => {
    const { one, other } = bench;
    const store = createCheckedStore();
    const late = await one.locks.hold(name, { ttlMs: shortMs }, async (held) => {
      store.write(held, 'first');
      await bench.forget(name);
      await other.locks.hold(name, { ttlMs: longMs }, (next) => Promise.resolve(store.write(next, 'second')));
      await aborted(held.signal);
      return { written: store.write(held, 'late'), reason: held.signal.reason as unknown };
    });
    expect(late.reason).toMatchObject({ kind: 'aborted', reason: 'LOCK_LOST', metadata: { lock: name } });
    expect(late.written).toBe(false);
    expect(store.value()).toBe('second');
  });

  claim(
    'a holder that was paused beyond its time does not undo what the next one wrote',
    async ({ one, other }, name) => {
      const store = createCheckedStore();
      const paused = await one.locks.hold(name, { ttlMs: shortMs }, async (held) => {
        store.write(held, 'first');
        const untilMs = performance.now() + 2 * shortMs;
        while (performance.now() < untilMs); // nothing else runs here, no renewal and no timer, as in a stopped process
        const next = await other.leases.take(name, longMs);
        if ('token' in next) store.write(next, 'second');
        const written = store.write(held, 'late');
        await aborted(held.signal);
        return written;
      });
      expect(paused).toBe(false);
      expect(store.value()).toBe('second');
    },
  );

  claim('who gives back too late takes it from nobody', async ({ one, other }, name) => {
    const late = await one.leases.take(name, 1);
    const token = await other.locks.hold(name, { ttlMs: longMs }, async (held) => {
      if ('token' in late) {
        await one.leases.release(name, late.token, 0);
        expect(await one.leases.renew(name, late.token, longMs)).toBe(false);
      }
      expect(await one.leases.take(name, longMs)).toHaveProperty('leftMs');
      return held.token;
    });
    expect(token).toBeGreaterThan('token' in late ? late.token : 0n);
  });

  claim('however many ask, take, lose, renew and give back: one has it, and tokens only grow', async (bench, name) => {
    const step = fc.record({
      who: fc.constantFrom('one' as const, 'other' as const),
      what: fc.constantFrom('take' as const, 'renew' as const, 'release' as const, 'forget' as const),
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const lock = `${name} ${++round}`;
        const tokens: { one?: bigint; other?: bigint } = {};
        let holder: 'one' | 'other' | undefined;
        let last = 0n;
        for (const { who, what } of steps) {
          const { leases } = bench[who];
          const mine = tokens[who];
          if (what === 'forget') {
            await bench.forget(lock);
            holder = undefined;
          } else if (what === 'take') {
            const taken = await leases.take(lock, longMs);
            expect('token' in taken).toBe(holder === undefined);
            if ('token' in taken) {
              expect(taken.token).toBeGreaterThan(last);
              tokens[who] = last = taken.token;
              holder = who;
            }
          } else if (mine !== undefined && what === 'renew') {
            expect(await leases.renew(lock, mine, longMs)).toBe(holder === who);
          } else if (mine !== undefined) {
            await leases.release(lock, mine, 0);
            if (holder === who) holder = undefined;
          }
        }
      }),
      { numRuns: 25 },
    );
  });
}

/** A store as fencing tokens need one: it keeps the largest token, and refuses what comes with a smaller one. */
function createCheckedStore() {
  let kept = { token: 0n, value: '' };
  return {
    write({ token }: Pick<Held, 'token'>, value: string): boolean {
      if (token < kept.token) return false;
      kept = { token, value };
      return true;
    },
    value: () => kept.value,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
