import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { atOnce, minuteMs, newAddress, openUserShop, refusal, requestId, type UserShop } from './service.testing.ts';

let shop: UserShop;
beforeAll(async () => {
  shop = await openUserShop();
});
afterAll(() => shop.close());

const password = 'monsoon-mango-41';

function guess(address: string, email: string, word = `wrong ${requestId()}`): Promise<unknown> {
  return shop.guest(address).signIn({ requestId: requestId(), email, password: word });
}

async function fail(times: number, address: string, email: string): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    expect(await refusal(guess(address, email))).toMatchObject({ reason: 'SIGN_IN_FAILED' });
  }
}

test('after a few failures a guesser waits, twice as long each time', async () => {
  const [{ email }, thief] = [await shop.join(), newAddress()];
  await fail(6, thief, email);
  expect(await refusal(guess(thief, email))).toEqual({
    code: 'ResourceExhausted',
    reason: 'TOO_MANY_ATTEMPTS',
    fields: [],
    retryAfterMs: 1000,
  });
  shop.wait(1000);
  await fail(1, thief, email);
  expect(await refusal(guess(thief, email))).toMatchObject({ retryAfterMs: 2000 });
});

test('the right password, too, has to wait: otherwise waiting would tell', async () => {
  const [{ email }, thief] = [await shop.join(), newAddress()];
  await fail(6, thief, email);
  expect(await refusal(guess(thief, email, password))).toMatchObject({ reason: 'TOO_MANY_ATTEMPTS' });
  shop.wait(1000);
  await guess(thief, email, password);
});

test('nobody else’s failures keep the owner out', async () => {
  const { email } = await shop.join();
  for (let i = 0; i < 12; i += 1) {
    const thief = newAddress();
    await fail(6, thief, email);
    expect(await refusal(guess(thief, email))).toMatchObject({ reason: 'TOO_MANY_ATTEMPTS' });
  }
  await guess(newAddress(), email, password);
});

test('an unknown address slows down like a known one', async () => {
  const thief = newAddress();
  await fail(6, thief, 'nobody@example.com');
  expect(await refusal(guess(thief, 'nobody@example.com'))).toMatchObject({ reason: 'TOO_MANY_ATTEMPTS' });
});

test('forty guesses at once don’t slip through together', async () => {
  const [{ email }, thief] = [await shop.join(), newAddress()];
  const { reasons } = await atOnce(Array.from({ length: 40 }, () => guess(thief, email)));
  expect(reasons.filter((reason) => reason === 'SIGN_IN_FAILED')).toHaveLength(6);
  expect(reasons.filter((reason) => reason === 'TOO_MANY_ATTEMPTS')).toHaveLength(34);
});

test('signing in to an account of one’s own on the same address buys no more guesses', async () => {
  const [{ email }, thief] = [await shop.join(), newAddress()];
  const own = 'the-thief-s-own-word';
  await shop.guest(thief).signUp({ requestId: requestId(), email, password: own, displayName: 'Thief' });
  for (let i = 0; i < 5; i += 1) {
    await fail(1, thief, email);
    if (i < 4) await guess(thief, email, own);
  }
  expect(await refusal(guess(thief, email))).toMatchObject({ reason: 'TOO_MANY_ATTEMPTS' });
});

test('signing up is no way to guess for nothing', async () => {
  const [{ email, user }, thief] = [await shop.join(), newAddress()];
  const signUp = (word: string) =>
    shop.guest(thief).signUp({ requestId: requestId(), email, password: word, displayName: 'Thief' });
  for (let i = 0; i < 6; i += 1) expect((await signUp(`guess number ${requestId()}`)).user?.id).not.toBe(user.id);
  expect(await refusal(signUp(password))).toMatchObject({ reason: 'TOO_MANY_ATTEMPTS' });
});

test('changing one’s password is no way to guess for nothing, and being slowed down ends no session', async () => {
  const victim = await shop.join();
  const thief = await shop.join({ email: victim.email, password: 'own word 0' });
  const change = (from: number, to: string) =>
    thief.auth.changePassword({ requestId: requestId(), currentPassword: `own word ${from}`, newPassword: to });
  expect(await refusal(change(0, password))).toMatchObject({ code: 'AlreadyExists', reason: 'PASSWORD_NOT_AVAILABLE' });
  for (let i = 0; i < 5; i += 1) await change(i, `own word ${i + 1}`);
  expect(await refusal(change(5, 'own word 6'))).toMatchObject({ reason: 'TOO_MANY_ATTEMPTS' });
  await thief.auth.listSessions({});
  shop.wait(minuteMs);
  await change(5, 'own word 6');
});

test('a stolen session gets few guesses at the password, wherever it comes from', async () => {
  const { tokens } = await shop.join();
  const change = () =>
    shop
      .as(tokens)
      .auth.changePassword({ requestId: requestId(), currentPassword: 'a guess', newPassword: 'winter-walnut-77' });
  for (let i = 0; i < 6; i += 1) expect(await refusal(change())).toMatchObject({ reason: 'PASSWORD_WRONG' });
  expect(await refusal(change())).toMatchObject({ reason: 'TOO_MANY_ATTEMPTS' });
});

test('a network that tries many addresses waits, and other networks don’t', async () => {
  const network = newAddress();
  for (let i = 0; i < 101; i += 1) await fail(1, network, `victim${i}@example.com`);
  expect(await refusal(guess(network, 'next@example.com'))).toMatchObject({ reason: 'TOO_MANY_ATTEMPTS' });
  expect(await refusal(guess(newAddress(), 'next@example.com'))).toMatchObject({ reason: 'SIGN_IN_FAILED' });
});

test('a network that waits tells nothing of who has signed in from it', async () => {
  const network = newAddress();
  const neighbour = await shop.join();
  await guess(network, neighbour.email, password);
  for (let i = 0; i < 101; i += 1) await fail(1, network, `other${i}@example.com`);
  const [known, unknown] = [
    await refusal(guess(network, neighbour.email)),
    await refusal(guess(network, 'no@example.com')),
  ];
  expect(known).toEqual(unknown);
});
