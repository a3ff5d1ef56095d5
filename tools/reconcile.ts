import { parseArgs } from 'node:util';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { PaymentService, type ReconciliationSummary } from '#gen/only2u/payment/v1/payment_pb.ts';
import { toDecimal, type Money } from '#platform/money.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';
import { StartError } from '#platform/start-error.ts';
import { openOperator } from './operator.ts';

const help = `Usage: npm run reconcile [-- --from TIME] [--to TIME]

Compares the ledger of payments with what the payment providers say, both ways, and says what differs. The shop must be running
(npm start). Without times it looks at the day that ended five minutes ago. TIME is a day or a moment, such as 2026-11-22 or
2026-11-22T09:30:00Z. Ends with 0 when nothing differs, 1 when something does, 2 when it could not be compared.
`;

const timeoutMs = 600_000; // what the contract gives it

export type Wanted = { readonly from: Date | undefined; readonly to: Date | undefined };

/** What the arguments ask for; undefined for help. Throws a StartError when they make no sense. */
export function readArguments(args: readonly string[]): Wanted | undefined {
  const values = parse(args);
  if (values.help === true) return undefined;
  const [from, to] = [timeOf('--from', values.from), timeOf('--to', values.to)];
  if (from !== undefined && to !== undefined && from >= to)
    throw new StartError(`--from has to be before --to.\n\n${help}`);
  return { from, to };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { from: { type: 'string' }, to: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    }).values;
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

function timeOf(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(time.getTime()))
    throw new StartError(`${name}: "${text}" is no time.\n\n${help}`);
  return time;
}

export type Output = { readonly write: (text: string) => void; readonly isTerminal: boolean };

/** Prints each difference and the summary. Answers how many differences there were. */
export async function report(
  client: Pick<ClientFor<'operator', typeof PaymentService>, 'reconcilePayments'>,
  { from, to }: Wanted,
  { write, isTerminal }: Output,
): Promise<number> {
  const clear = isTerminal ? '\r\x1b[K' : '';
  const asked = {
    ...(from && { startTime: timestampFromDate(from) }),
    ...(to && { endTime: timestampFromDate(to) }),
  };
  for await (const { result } of client.reconcilePayments(asked, { timeoutMs })) {
    if (result.case === 'compared' && isTerminal) write(`${clear}${result.value} movements compared …`);
    if (result.case === 'difference') {
      const { paymentId, message } = result.value;
      write(`${clear}${paymentId === '' ? '' : `${paymentId}: `}${message}\n`);
    }
    if (result.case === 'summary') {
      write(`${clear}${inWords(result.value)}\n`);
      return Number(result.value.differences);
    }
  }
  throw new StartError('The comparison broke off before its end; try again.');
}

function inWords({ compared, differences, captured, refunded }: ReconciliationSummary): string {
  const sums = captured.map((sum, index) => `${amountOf(sum)} taken, ${amountOf(refunded[index])} given back`);
  const found = differences === 0n ? 'nothing differs' : `${differences} ${differences === 1n ? 'differs' : 'differ'}`;
  return [`${compared} movements compared: ${found}.`, ...sums].join(' ');
}

function amountOf(amount: Money | undefined): string {
  return amount === undefined ? '0' : `${toDecimal(amount)} ${amount.currency}`;
}

function explain(error: ConnectError): string {
  return error.code === Code.Unavailable
    ? `The shop or its payment provider does not answer. (${error.rawMessage})`
    : error.rawMessage;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const wanted = readArguments(args);
    if (wanted === undefined) {
      process.stdout.write(help);
      return 0;
    }
    const operator = await openOperator();
    try {
      const output = {
        write: (text: string) => void process.stdout.write(text),
        isTerminal: process.stdout.isTTY,
      };
      return (await report(operator.dial(PaymentService), wanted, output)) === 0 ? 0 : 1;
    } finally {
      operator.close();
    }
  } catch (error) {
    if (error instanceof StartError) process.stderr.write(`${error.message.trimEnd()}\n`);
    else if (error instanceof ConnectError) process.stderr.write(`${explain(error)}\n`);
    else throw error;
    return 2;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
