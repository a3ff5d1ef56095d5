import { Code, ConnectError } from '@connectrpc/connect';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { must, signal, until, type World } from './world.ts';

const contractMs = 3_000; // GetCart's
const slackMs = 1_500; // the edge gives the gateway a second more; the rest is a busy machine's
const atOnce = 8; // more than the failures in a row after which an instance is left alone
const importsAtOnce = 4; // ImportProducts's concurrency
const importsTried = 7;

/** A process that doesn't answer holds nobody longer than its contract, is left alone after that, and is asked again once it answers. */
export async function slowOneIsLeftAlone(world: World): Promise<string> {
  const cart = world.market.shoppingOf(0, 'slow').buyer.dial(CartService);
  const ask = async (): Promise<{ readonly code: Code | undefined; readonly ms: number }> => {
    const beganMs = performance.now();
    const code = await cart.getCart({}).then(
      () => undefined,
      (error: unknown) => ConnectError.from(error).code,
    );
    return { code, ms: performance.now() - beganMs };
  };
  must((await ask()).code === undefined, 'the cart answers before');
  signal(world, 'cart', 'SIGSTOP');
  const held = await Promise.all(Array.from({ length: atOnce }, ask));
  const longestMs = Math.max(...held.map(({ ms }) => ms));
  must(longestMs <= contractMs + slackMs, `a call was held for ${longestMs} ms`);
  const clear: readonly (Code | undefined)[] = [Code.DeadlineExceeded, Code.Unavailable];
  must(
    held.every(({ code }) => clear.includes(code)),
    `codes: ${held.map(({ code }) => Code[code ?? 0]).join()}`,
  );
  const rowOf = async () =>
    (await world.report()).calls.find(({ caller, callee }) => caller === 'gateway' && callee === 'cart');
  await until('the cart is left alone', 15_000, async () => ((await rowOf())?.ejections ?? 0) > 0);
  const quick = await until('calls are refused at once', 10_000, async () => {
    const answer = await ask();
    return answer.code === Code.Unavailable && answer.ms < 500 && answer;
  });
  signal(world, 'cart', 'SIGCONT');
  const beganMs = performance.now();
  await until('the cart is asked again', 40_000, async () => (await ask()).code === undefined);
  const row = await rowOf();
  return `held ${(longestMs / 1_000).toFixed(1)} s of ${contractMs / 1_000} allowed, then refused in ${quick.ms.toFixed(0)} ms; ${row?.ejections} ejections; asked again ${((performance.now() - beganMs) / 1_000).toFixed(1)} s after it answered`;
}

/** More imports at a time than the contract allows are refused by the Envoy before the service, in words. */
export async function breakerOpens(world: World): Promise<string> {
  const transport = world.callAs(await world.certify('operator'), 'product');
  const release = Promise.withResolvers<void>();
  const token = await world.tokenOfAdmin();
  async function* file() {
    yield { piece: { case: 'options', value: {} } } as const;
    await release.promise;
  }
  const outcomes: { code: Code; text: string }[] = [];
  const leaving = new AbortController();
  const header = { authorization: `Bearer ${token}` };
  const imports = Array.from({ length: importsTried }, () =>
    transport
      .stream(ProductService.method.importProducts, leaving.signal, 20_000, header, file())
      .then(async ({ message }) => {
        for await (const _ of message);
      })
      .catch((error: unknown) => {
        const { code, rawMessage } = ConnectError.from(error);
        outcomes.push({ code, text: rawMessage });
      }),
  );
  await until('some are refused', 10_000, () => outcomes.length >= importsTried - importsAtOnce);
  const first = outcomes.slice(0, importsTried - importsAtOnce);
  leaving.abort();
  release.resolve();
  await Promise.all(imports);
  must(
    first.every(({ code }) => code === Code.ResourceExhausted),
    `codes: ${first.map(({ code, text }) => `${Code[code]} ${text}`).join('; ')}`,
  );
  return `${first.length} of ${importsTried} refused: "${first[0]?.text ?? ''}"`;
}
