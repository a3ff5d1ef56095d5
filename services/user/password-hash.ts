import { argon2, createHmac } from 'node:crypto';
import { promisify } from 'node:util';
import { Counter, type Registry } from 'prom-client';
import { Fault } from '#platform/fault.ts';
import { normaliseEmail } from './account.ts';
import { normalisePassword } from './password.ts';

/**
 * One of the settings that OWASP's Password Storage Cheat Sheet calls equal in defence. Measured on a busy core: 7 MiB and five
 * passes take 23 ms and leave 50 MB with glibc's allocator, spread over libuv's four threads; 19 MiB and two passes take 29 ms
 * and leave 126 MB, which is a third of what the whole shop may use; 46 MiB and one pass leave nothing and take 66 ms.
 * A change of these needs a second column of hashes for a while, because an account is found by its hash.
 */
const parameters = { memory: 7_168 /* KiB */, passes: 5, parallelism: 1, tagLength: 32 };

/** How many may wait for a turn: with two at a time, the last of them waits for less than a second. */
const longestQueue = 32;

export type PasswordHasher = {
  /**
   * The key of an account: argon2id of the password, salted by the address. Throws resource-exhausted when too many wait.
   *
   * **Nobody can learn who has an account.** An address belongs to nobody until its owner has shown that it is theirs
   * (which comes with the notification service), so several accounts may carry one address, and address *and password*
   * together name an account. The salt is HMAC-SHA-256(server secret, address) instead of random: so the hash can be computed
   * before anything is looked up, and each sign-in and sign-up computes exactly one, whoever exists. It is as good as a random
   * salt against tables made in advance, because it differs for each address and nobody can compute it without the secret.
   *
   * Its limits: two accounts that share address and password are one account (whoever knows both is that account); somebody
   * who reads two states of the database sees that a password was changed back to an earlier one; and once addresses are
   * verified, the verified account should be the only one that the address signs in to.
   */
  hash(email: string, password: string): Promise<Buffer>;
};

export type HasherOptions = {
  readonly secret: Buffer;
  /** How many are computed at the same time; each takes 7 MiB and a core. */
  readonly concurrency: number;
  /** Where each computation is counted: `user_password_hashes_total`. */
  readonly metrics: Registry;
  /** argon2id unless told: tests that are about something else take a quick one. */
  readonly compute?: (password: string, salt: Buffer) => Promise<Buffer>;
};

const argon2Async = promisify(argon2);

function argon2id(password: string, salt: Buffer): Promise<Buffer> {
  return argon2Async('argon2id', { ...parameters, message: password, nonce: salt });
}

/** argon2id by node:crypto, on libuv's threads, in a bounded number at a time. */
export function createPasswordHasher({
  secret,
  concurrency,
  metrics,
  compute = argon2id,
}: HasherOptions): PasswordHasher {
  const hashes = new Counter({
    name: 'user_password_hashes_total',
    help: 'Password hashes computed: one for each attempt to sign in or up, whoever exists.',
    registers: [metrics],
  });
  const queue: (() => void)[] = [];
  let running = 0;

  const enter = async (): Promise<void> => {
    if (running < concurrency) {
      running += 1;
      return;
    }
    if (queue.length >= longestQueue) {
      throw new Fault('resource-exhausted', 'SIGN_IN_BUSY', 'Too many people are signing in. Try again in a second.', {
        retryAfterMs: 1000,
      });
    }
    await new Promise<void>((resolve) => queue.push(resolve));
  };
  const leave = (): void => {
    const next = queue.shift();
    if (next === undefined) running -= 1;
    else next(); // hands its place on, so that nobody slips in between
  };

  return {
    async hash(email, password) {
      await enter();
      try {
        hashes.inc();
        const salt = createHmac('sha256', secret).update(normaliseEmail(email)).digest();
        return await compute(normalisePassword(password), salt);
      } finally {
        leave();
      }
    },
  };
}
