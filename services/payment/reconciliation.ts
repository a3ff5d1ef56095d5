import { toDecimal, type Money } from '#platform/money.ts';
import type { Ledger, LedgerMovement } from './ledger.ts';
import type { Provider, ProviderMovement, Span } from './provider.ts';

export type DifferenceKind = 'missing-in-ledger' | 'missing-at-provider' | 'amount' | 'ledger-unbalanced';

/** One thing that the ledger and a provider tell differently. */
export type Difference = {
  readonly kind: DifferenceKind;
  readonly paymentId: string;
  readonly providerId: string;
  readonly ledger: Money | undefined;
  readonly provider: Money | undefined;
  readonly message: string;
};

export type Found =
  | { readonly kind: 'difference'; readonly difference: Difference }
  | { readonly kind: 'progress'; readonly compared: bigint };

export type ReconciliationOptions = {
  readonly ledger: Ledger;
  /** Those who keep books of their own. */
  readonly providers: readonly Provider[];
  readonly span: Span;
  readonly signal: AbortSignal;
};

const hourMs = 3_600_000;
const most = { windowMs: 24 * hourMs, windows: 200 };
const batch = 500;

/**
 * Compares the ledger with the providers' books, both ways, and with the payments' own sums. What it holds at a time is what moved
 * in an hour, in a day at most.
 */
export async function* reconcile(options: ReconciliationOptions): AsyncGenerator<Found> {
  const { ledger, providers, span, signal } = options;
  let compared = 0n;
  for (const window of windowsOf(span)) {
    for (const provider of providers) {
      const theirs = await gather(provider.listMovements(window, signal));
      const ours = await gather(ledger.listMovements(provider.name, window));
      compared += BigInt(new Set([...theirs.keys(), ...ours.keys()]).size);
      for await (const difference of compareWindow(options, provider, theirs, ours)) {
        yield { kind: 'difference', difference };
      }
    }
    yield { kind: 'progress', compared };
  }
  for await (const page of ledger.listUnbalanced()) {
    for (const { paymentId, ledger: sum, payment } of page) {
      const message = `The payment and its entries disagree: ${text(payment)} and ${text(sum)} are left. This is a bug of ours.`;
      const difference: Difference = {
        kind: 'ledger-unbalanced',
        paymentId,
        providerId: '',
        ledger: sum,
        provider: undefined,
        message,
      };
      yield { kind: 'difference', difference };
    }
    if (signal.aborted) throw signal.reason;
  }
}

async function* compareWindow(
  { ledger, signal }: ReconciliationOptions,
  provider: Provider,
  theirs: ReadonlyMap<string, ProviderMovement>,
  ours: ReadonlyMap<string, LedgerMovement>,
): AsyncGenerator<Difference> {
  const unknown = [...theirs].flatMap(([key, movement]) => (ours.has(key) ? [] : [movement]));
  for (let start = 0; start < unknown.length; start += batch) {
    const some = unknown.slice(start, start + batch);
    // What came since, or is in another hour by our books.
    const found = await ledger.findMovements(
      provider.name,
      some.map(({ id }) => id),
    );
    const late = new Map(found.map((movement) => [keyOf(movement), movement]));
    for (const movement of some) {
      const known = late.get(keyOf(movement));
      if (known === undefined) yield missingInLedger(movement);
      else if (!isSame(known.amount, movement.amount)) yield amountDiffers(known, movement);
    }
  }
  for (const [key, movement] of ours) {
    const told = theirs.get(key);
    if (told !== undefined) {
      if (!isSame(movement.amount, told.amount)) yield amountDiffers(movement, told);
      continue;
    }
    const charge = movement.kind === 'captured' ? await provider.findCharge(movement.id, signal) : undefined;
    if (charge?.fact.state !== 'captured') yield missingAtProvider(movement);
  }
}

async function gather<M extends ProviderMovement>(pages: AsyncIterable<readonly M[]>): Promise<Map<string, M>> {
  const all = new Map<string, M>();
  for await (const page of pages) for (const movement of page) all.set(keyOf(movement), movement);
  return all;
}

function* windowsOf({ start, end }: Span): Generator<Span> {
  const spanMs = end.getTime() - start.getTime();
  const windowMs = Math.min(most.windowMs, Math.max(hourMs, Math.ceil(spanMs / most.windows)));
  for (let ms = start.getTime(); ms < end.getTime(); ms += windowMs) {
    yield { start: new Date(ms), end: new Date(Math.min(ms + windowMs, end.getTime())) };
  }
}

function keyOf({ kind, id }: ProviderMovement): string {
  return `${kind} ${id}`;
}

function isSame(a: Money, b: Money): boolean {
  return a.minorUnits === b.minorUnits && a.currency === b.currency;
}

function text(amount: Money): string {
  return `${toDecimal(amount)} ${amount.currency}`;
}

function missingInLedger({ kind, id, amount }: ProviderMovement): Difference {
  return {
    kind: 'missing-in-ledger',
    paymentId: '',
    providerId: id,
    ledger: undefined,
    provider: amount,
    message: `The provider ${kind} ${text(amount)} (${id}), which the ledger doesn’t know. Look whether it was for this shop; if so, its event was lost or is still on its way.`,
  };
}

function missingAtProvider({ kind, id, amount, paymentId }: LedgerMovement): Difference {
  return {
    kind: 'missing-at-provider',
    paymentId,
    providerId: id,
    ledger: amount,
    provider: undefined,
    message: `The ledger has ${text(amount)} as ${kind} (${id}), of which the provider knows nothing. Ask the provider.`,
  };
}

function amountDiffers(ours: LedgerMovement, theirs: ProviderMovement): Difference {
  return {
    kind: 'amount',
    paymentId: ours.paymentId,
    providerId: ours.id,
    ledger: ours.amount,
    provider: theirs.amount,
    message: `${ours.id} was ${text(ours.amount)} by the ledger and ${text(theirs.amount)} by the provider. Ask the provider.`,
  };
}
