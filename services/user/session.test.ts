import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decideRefresh, isOpen, openSession, rotateSession, type Presented, type Session } from './session.ts';

const dayMs = 86_400_000;
const start = new Date('2026-03-01T10:00:00Z');
const after = (ms: number): Date => new Date(start.getTime() + ms);

const hashOf = (generation: number): Buffer => Buffer.from(`token ${generation}`);
const opened = openSession(
  { id: 'ses_1', userId: 'usr_1', userAgent: 'curl', address: '192.0.2.1', tokenHash: hashOf(0), requestId: 'sign-in' },
  start,
);

const present = (generation: number, requestId: string): Presented => ({
  generation,
  tokenHash: hashOf(generation),
  requestId,
});

function refreshed(session: Session, requestId: string, now: Date): Session {
  return rotateSession(session, { tokenHash: hashOf(session.generation + 1), requestId, address: '' }, now);
}

test('a session unused for 30 days has ended', () => {
  expect(isOpen(opened, after(30 * dayMs - 1))).toBe(true);
  expect(isOpen(opened, after(30 * dayMs))).toBe(false);
});

test('a session in daily use ends after 180 days', () => {
  let session = opened;
  for (let day = 1; day < 180; day += 1) session = refreshed(session, `day ${day}`, after(day * dayMs));
  expect(session.expireTime).toEqual(after(180 * dayMs));
  expect(decideRefresh(session, present(session.generation, 'too late'), after(180 * dayMs))).toBe('ended');
});

test('a used token ends the session', () => {
  const session = refreshed(opened, 'one', after(1000));
  expect(decideRefresh(session, present(0, 'two'), after(2000))).toBe('reuse');
});

test('the same request within a minute is answered again, and later counts as reuse', () => {
  const session = refreshed(opened, 'one', after(1000));
  expect(decideRefresh(session, present(0, 'one'), after(61_000))).toBe('replay');
  expect(decideRefresh(session, present(0, 'one'), after(61_001))).toBe('reuse');
});

test('a request that made a token can’t use it', () => {
  const session = refreshed(opened, 'one', after(1000));
  expect(decideRefresh(session, present(1, 'one'), after(2000))).toBe('request-id-reused');
});

test('the id of the sign-in may be used for a refresh as well: it is another method’s', () => {
  expect(decideRefresh(opened, present(0, 'sign-in'), after(1000))).toBe('rotate');
});

/** A client and a thief present any tokens that ever were, in any order, at any time. */
type Step = { readonly back: number; readonly request: number; readonly waitMs: number };

const steps = fc.array(
  fc.record({
    back: fc.integer({ min: 0, max: 3 }),
    request: fc.integer({ min: 0, max: 5 }),
    waitMs: fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 0, max: 40 * dayMs })),
  }),
  { maxLength: 60 },
);

test('whatever is presented in whatever order, a token is traded once, and what is open has not been misused', () => {
  fc.assert(
    fc.property(steps, (run: readonly Step[]) => {
      let session = opened;
      let now = start;
      const traded = new Set<number>();
      for (const { back, request, waitMs } of run) {
        now = new Date(now.getTime() + waitMs);
        const presented = present(Math.max(0, session.generation - back), `request ${request}`);
        const decision = decideRefresh(session, presented, now);
        const before = session;
        if (decision === 'rotate') {
          expect(traded.has(presented.generation)).toBe(false);
          traded.add(presented.generation);
          session = refreshed(session, presented.requestId, now);
          expect(session.expireTime.getTime()).toBeGreaterThanOrEqual(before.expireTime.getTime());
        }
        if (decision === 'replay') {
          expect(presented.generation).toBe(session.generation - 1);
          expect(now.getTime() - session.refreshTime.getTime()).toBeLessThanOrEqual(60_000);
        }
        if (decision === 'reuse') {
          expect(presented.generation).toBeLessThan(session.generation);
          session = { ...session, endTime: now };
        }
        if (before.endTime !== undefined || now >= before.expireTime) expect(decision).toBe('ended');
        expect(session.expireTime.getTime()).toBeLessThanOrEqual(after(180 * dayMs).getTime());
        expect(session.generation).toBe(traded.size);
      }
    }),
    { numRuns: 2000 },
  );
});
