import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { DescService } from '@bufbuild/protobuf';
import { type Client, Code, ConnectError } from '@connectrpc/connect';
import { newId } from '#platform/ids.ts';
import { openPool } from '#platform/pool.postgres.ts';
import { createAccount } from '#services/user/account.ts';
import { createAddress } from '#services/user/address.ts';
import { deriveSecrets } from '#services/user/secrets.ts';
import { openSigner } from '#services/user/signer.ts';
import { createPostgresStore } from '#services/user/store.postgres.ts';
import { type TestShop, userSecret } from './shop.ts';

/** Somebody who is signed in, with an address. */
export type Buyer = {
  readonly id: string;
  readonly token: string;
  readonly addressId: string;
  client<S extends DescService>(contract: S): Client<S>;
};

/**
 * So many people with accounts, addresses and tokens, by the user service's own store and signing key: each password that is left out
 * saves two times 23 ms of argon2id, which for 500 is the time of all that the tests are about. All that they do goes over the wire.
 */
export async function gather(shop: TestShop, count: number): Promise<Buyer[]> {
  const store = createPostgresStore(openPool({ url: shop.databaseUrlOf('user'), schema: 'user_service' }));
  const now = new Date();
  try {
    const signer = await openSigner({
      store,
      secret: deriveSecrets(userSecret).signingKeys,
      now: () => new Date(),
    });
    const people = Array.from({ length: count }, () => ({ id: newId('usr'), addressId: newId('adr') }));
    await store.change(async (tx) => {
      for (const { id, addressId } of people) {
        const email = `${id}@example.com`;
        const account = createAccount({ id, email, displayName: 'Asha' }, now);
        await tx.accounts.add(account, { email, passwordHash: randomBytes(32) });
        await tx.addresses.add(createAddress(addressId, id, home, now));
      }
    });
    return await Promise.all(
      people.map(async ({ id, addressId }): Promise<Buyer> => {
        const { token } = await signer.sign({ userId: id, roles: ['customer'], sessionId: newId('ses') });
        return { id, addressId, token, client: (contract) => shop.client(contract, token) };
      }),
    );
  } finally {
    await store.close();
  }
}

const home = {
  recipient: 'Asha Rao',
  lines: ['1 MG Road'],
  city: 'Bengaluru',
  region: 'Karnataka',
  postalCode: '560001',
  countryCode: 'IN',
  phone: '',
};

const patienceMs = 25_000;
const busy: readonly Code[] = [Code.ResourceExhausted, Code.Unavailable, Code.DeadlineExceeded];

/** As a good app: what the shop is too busy for, or not done with in time, is asked again, word for word, after a while. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  const giveUpMs = Date.now() + patienceMs;
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 1_000)) {
    try {
      return await call();
    } catch (error) {
      if (!busy.includes(ConnectError.from(error).code) || Date.now() > giveUpMs) throw error;
      await pause(waitMs * (0.5 + Math.random()));
    }
  }
}
