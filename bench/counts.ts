import { setTimeout } from 'node:timers/promises';
import type { Market } from './market.ts';
import { metricsUrl } from './shop.ts';
import type { Sent } from './statements.ts';

/** What one call, or one checkout, takes when nothing else is done. */
export type Cost = {
  readonly name: string;
  readonly statements: readonly Sent[];
  /** Calls between the gateway and services and among these. */
  readonly rpcs: number;
};

const times = 5; // of which the cheapest counts: at times a look for work that is not ours falls in between
const quietMs = 150; // for the last "is there more to do?" after the work is done

/** Does each of the purchase's steps alone, and writes down what it takes until nothing of it is left to do. */
export async function countCosts({ shop, books, purchase, buyers }: Market): Promise<Cost[]> {
  const [buyer] = buyers;
  if (buyer === undefined) throw new Error('nobody buys');
  let number = 0;

  async function once<T>(name: string, work: () => Promise<T>): Promise<{ readonly cost: Cost; readonly answer: T }> {
    await books.settled();
    await setTimeout(quietMs);
    const before = await rpcsHandled();
    await shop.recorded('record');
    const answer = await work();
    await books.settled();
    await setTimeout(quietMs);
    const { statements } = await shop.recorded('count');
    return { cost: { name, statements, rpcs: (await rpcsHandled()) - before }, answer };
  }

  const rounds: Cost[][] = [];
  for (let round = 0; round <= times; round += 1) {
    const costs: Cost[] = [];
    async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
      const { cost, answer } = await once(name, work);
      costs.push(cost);
      return answer;
    }
    const cartId = await step('AddCartItem to a fresh cart', () => purchase.addAsGuest(number++));
    await step('AddCartItem to a cart with an item', () => purchase.addTo(cartId, number++));
    await step('GetCart', () => purchase.getCart(cartId));
    await purchase.addToOwn(buyer, number++);
    const token = await step('QuoteOrder', () => purchase.quote(buyer));
    const placed = await step('PlaceOrder', () => purchase.place(buyer, token, 'PAYMENT_METHOD_ONLINE'));
    const paid = await step("the provider's page and its first event", () => purchase.payAtPage(placed));
    await step('CapturePayment, until the order is confirmed', () => purchase.capture(buyer, paid));
    await step('full checkout, online', () => purchase.checkOut(buyer, 'PAYMENT_METHOD_ONLINE', number++));
    await step('full checkout, cash on delivery', () =>
      purchase.checkOut(buyer, 'PAYMENT_METHOD_CASH_ON_DELIVERY', number++),
    );
    if (round > 0) rounds.push(costs); // the first one fills caches
  }
  const [first = []] = rounds;
  return first.map((_, index) => rounds.map((costs) => costs[index]).reduce(cheaper) ?? missing());
}

function cheaper(a: Cost | undefined, b: Cost | undefined): Cost | undefined {
  return a !== undefined && b !== undefined && b.statements.length < a.statements.length ? b : a;
}

function missing(): never {
  throw new Error('a step was not counted');
}

export function printCosts(costs: readonly Cost[]): void {
  console.log(
    '\n| alone, until nothing is left to do | SQL statements | before the answer | RPCs | statements by schema |',
  );
  console.log('|---|---:|---:|---:|---|');
  for (const { name, statements, rpcs } of costs) {
    const bySchema = Map.groupBy(statements, ({ schema }) => schema);
    const list = [...bySchema].map(([schema, sent]) => `${schema} ${sent.length}`).join(', ');
    const asked = statements.filter((sent) => sent.asked).length;
    console.log(`| ${name} | ${statements.length} | ${asked} | ${rpcs} | ${list} |`);
  }
  console.log();
}

async function rpcsHandled(): Promise<number> {
  const text = await (await fetch(metricsUrl)).text();
  let sum = 0;
  for (const [, value] of text.matchAll(/^rpc_server_handled_total\{.*\} (\d+)$/gm)) sum += Number(value);
  return sum;
}
