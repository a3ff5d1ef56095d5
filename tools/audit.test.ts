import { expect, test } from '@jest/globals';
import { timestampFromDate, timestampMs } from '@bufbuild/protobuf/wkt';
import { Code as ConnectCode, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { Code } from '#gen/google/rpc/code_pb.ts';
import { AuditService } from '#gen/only2u/operation/v1/audit_pb.ts';
import { type Question, readArguments, run } from './audit.ts';

const now = new Date('2026-03-02T12:00:00Z');
const day = 86_400_000;

test('without arguments a day of all services is asked for, but not of the edge', () => {
  expect(readArguments([], now)).toEqual({
    from: expect.arrayContaining(['user', 'product']),
    method: '',
    since: new Date(now.getTime() - day),
    until: undefined,
    json: false,
  });
  expect(readArguments([], now)).toEqual(expect.objectContaining({ from: expect.not.arrayContaining(['gateway']) }));
});

test('arguments are understood', () => {
  const since = '2026-02-01T00:00:00Z';
  expect(
    readArguments(['--service', 'user', '--since', since, '--until', '30m', '--method', 'GrantRole', '--json'], now),
  ).toEqual({
    from: ['user'],
    method: 'GrantRole',
    since: new Date(since),
    until: new Date('2026-03-02T11:30:00Z'),
    json: true,
  });
  expect(readArguments(['--since', '7d'], now)).toMatchObject({ since: new Date(now.getTime() - 7 * day) });
  expect(readArguments(['-h'], now)).toBe('help');
});

test.each([
  [['--service', 'gateway'], /There is no service gateway/],
  [['--since', 'soon'], /--since soon is no time/],
  [['--since', '1h', '--until', '2h'], /--until has to be after/],
  [['list'], /Unexpected argument/],
  [['--force'], /Unknown option/],
])('the arguments %j are refused, and it is said why', (args, message) => {
  expect(() => readArguments(args, now)).toThrow(message);
});

/** Services with two calls each, of which some are away, and what the command prints. */
function desk(...away: readonly string[]) {
  const written: string[] = [];
  const noted: string[] = [];
  const startTimes: number[] = [];
  const clientOf = (name: string) =>
    createClient(
      AuditService,
      createRouterTransport(({ service }) => {
        service(AuditService, {
          listAuditEntries({ pageToken, startTime }) {
            if (away.includes(name)) throw new ConnectError('it is away', ConnectCode.Unavailable);
            startTimes.push(startTime === undefined ? 0 : timestampMs(startTime));
            const isFirst = pageToken === '';
            const beginTime = timestampFromDate(new Date(now.getTime() - (isFirst ? 0 : 2_000) - name.length));
            const last = { code: Code.OK, endTime: beginTime, caller: 'gateway', userId: 'usr_a' };
            const about = isFirst ? last : { caller: 'operator' };
            const entry = { method: 'a.B/Do', requestId: 'r\u001b[2J', beginTime, ...about };
            return { auditEntries: [entry], nextPageToken: isFirst ? 'next' : '' };
          },
        });
      }),
    );
  return {
    desk: { clientOf, write: written.push.bind(written), note: noted.push.bind(noted) },
    written,
    noted,
    startTimes,
  };
}

const question: Question = { from: ['user', 'product'], method: '', since: now, until: undefined, json: false };

test('calls of all services are shown in a line each, the last first, with what moves a cursor taken out', async () => {
  const { desk: to, written, noted, startTimes } = desk();
  expect(await run(question, to)).toBe(0);
  expect(written).toEqual([
    '2026-03-02T11:59:59.996Z  user      Do  usr_a by gateway  OK  r�[2J',
    '2026-03-02T11:59:59.993Z  product   Do  usr_a by gateway  OK  r�[2J',
    '2026-03-02T11:59:57.996Z  user      Do  operator  unknown  r�[2J',
    '2026-03-02T11:59:57.993Z  product   Do  operator  unknown  r�[2J',
  ]);
  expect(noted).toEqual(['Calls: 4.']);
  expect(new Set(startTimes)).toEqual(new Set([now.getTime()]));
});

test('for programs each is an object', async () => {
  const { desk: to, written } = desk();
  await run({ ...question, from: ['user'], json: true }, to);
  const parsed = written.map((line): unknown => JSON.parse(line));
  expect(parsed).toMatchObject([
    { service: 'user', method: 'a.B/Do', caller: 'gateway', userId: 'usr_a', outcome: 'OK' },
    { service: 'user', outcome: 'unknown' },
  ]);
});

test('a service that does not answer is named, and when it is the only one nothing could be done', async () => {
  const { desk: to, noted } = desk('user');
  expect(await run(question, to)).toBe(1);
  expect(noted).toEqual(['Calls: 2.', 'user does not answer: its calls are not among these.']);
  await expect(run({ ...question, from: ['user'] }, to)).rejects.toThrow('it is away');
});
