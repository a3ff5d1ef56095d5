import { Agent, request } from 'node:http';
import { newId } from '#platform/ids.ts';

/** Somebody who buys: signed in, with an address. */
export type Buyer = { readonly id: string; readonly token: string; readonly addressId: string };

/** Asks the gateway by JSON over a connection that stays open. Throws what is answered with another status than 200. */
export type Ask = (method: string, body: object, token?: string) => Promise<unknown>;

const packages: Readonly<Record<string, string>> = {
  AuthService: 'only2u.user.v1',
  UserService: 'only2u.user.v1',
  CartService: 'only2u.cart.v1',
  OrderService: 'only2u.order.v1',
  PaymentService: 'only2u.payment.v1',
  TestProviderService: 'only2u.payment.v1',
};

/** The text at a path of an answer, such as "order.payment.paymentId"; "" where there is none. */
export function textAt(answer: unknown, path: string): string {
  let value = answer;
  for (const name of path.split('.')) {
    value =
      typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
  }
  return typeof value === 'string' ? value : '';
}

export function createAsk(url: string): { readonly ask: Ask; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const { hostname, port } = new URL(url);
  const ask: Ask = (method, body, token) =>
    new Promise((resolve, reject) => {
      const [service = ''] = method.split('/');
      const text = JSON.stringify(body);
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      };
      const path = `/${packages[service] ?? ''}.${method}`;
      const sent = request({ agent, hostname, port, path, method: 'POST', headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(JSON.parse(answer));
          else reject(new Error(`${method}: ${response.statusCode} ${answer}`));
        });
      });
      sent.on('error', reject);
      sent.end(text);
    });
  return { ask, close: () => agent.destroy() };
}

type Account = { readonly email: string; readonly password: string };

const address = {
  recipient: 'Asha Rao',
  lines: ['1 MG Road'],
  city: 'Bengaluru',
  region: 'Karnataka',
  postalCode: '560001',
  countryCode: 'IN',
};

/** Makes accounts, each with an address. Answers how to sign them all in: an access token lasts ten minutes. */
export async function signUpBuyers(ask: Ask, count: number): Promise<(ask: Ask) => Promise<Buyer[]>> {
  const accounts: (Account & { readonly id: string; readonly addressId: string })[] = [];
  for (let number = 0; number < count; number += 1) {
    const account = { email: `${newId('mail')}@example.com`, password: newId('pass') };
    const signedUp = await ask('AuthService/SignUp', { requestId: newId('req'), ...account, displayName: 'Asha' });
    const token = await signIn(ask, account);
    const made = await ask('UserService/CreateAddress', { requestId: newId('req'), address }, token);
    accounts.push({ ...account, id: textAt(signedUp, 'user.id'), addressId: textAt(made, 'address.id') });
  }
  return async (again) => {
    const buyers: Buyer[] = [];
    // One by one: so many at a time from one address would be taken for somebody who guesses.
    for (const { id, addressId, ...account } of accounts) {
      buyers.push({ id, addressId, token: await signIn(again, account) });
    }
    return buyers;
  };
}

async function signIn(ask: Ask, account: Account): Promise<string> {
  const signedIn = await ask('AuthService/SignIn', { requestId: newId('req'), ...account });
  return textAt(signedIn, 'tokens.accessToken');
}
