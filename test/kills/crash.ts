import pg from 'pg';
import type { Kill } from './plan.ts';

/**
 * Loaded before the shop (`node --import`): once its parent arms it, the process kills itself with SIGKILL at the nth
 * statement that it sends to PostgreSQL from then on. Between two statements a process changes nothing that lasts, so
 * with the three moments these are all the instructions at which a kill can matter.
 */
let left = Number.POSITIVE_INFINITY;
let moment: Kill['moment'] = 'before';

process.on('message', (kill: Kill) => {
  left = kill.statement;
  moment = kill.moment;
});
process.channel?.unref();

function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

const send = pg.Client.prototype.query as (...args: unknown[]) => unknown;

function query(this: pg.Client, ...args: unknown[]): unknown {
  left -= 1;
  if (left !== 0) return send.apply(this, args);
  if (moment === 'before') end();
  const sent = send.apply(this, args);
  if (moment === 'sent')
    setImmediate(end); // it is on the wire then, and nobody knows how far it comes
  else if (sent instanceof Promise) void sent.then(end, end);
  else setImmediate(end);
  return sent;
}

Object.defineProperty(pg.Client.prototype, 'query', { value: query, configurable: true, writable: true });
