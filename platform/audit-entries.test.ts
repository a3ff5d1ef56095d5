import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { AuditEntrySchema, AuditService } from '#gen/only2u/operation/v1/audit_pb.ts';
import { handleAuditEntries } from './audit-entries.ts';
import { auditLog } from './audit.ts';
import type { MessageLog } from './message-log.ts';
import { entryIdFrom } from './message-log-id.ts';
import { createPostgresMessageLogs } from './message-log.postgres.ts';
import { toConnectError } from './rpc/status.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

const startMs = Date.parse('2026-03-01T12:00:00Z');
const count = 150; // a call a second: every 75th gives a role
const at = (second: number) => timestampFromDate(new Date(startMs + second * 1_000));

let database: TestDatabase;
let entries: MessageLog;

beforeAll(async () => {
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
  entries = createPostgresMessageLogs(database).of(auditLog);
  for (let second = 0; second < count; second++) await add('sample', second);
  await add('other', 1);
});
afterAll(() => database.close());

async function add(service: string, second: number): Promise<void> {
  const time = new Date(startMs + second * 1_000);
  const id = entryIdFrom(auditLog.prefix, time, service);
  const method = `only2u.user.v1.OperatorService/${second % 75 === 0 ? 'GrantRole' : 'IssueToken'}`;
  const entry = { id, method, requestId: String(second), beginTime: timestampFromDate(time) };
  const body = toBinary(AuditEntrySchema, create(AuditEntrySchema, entry));
  await entries.append(service, { id, author: 'operator', type: method, body });
}

function clientOf(service: string) {
  const { contract, implementation } = handleAuditEntries({ service, entries });
  const transport = createRouterTransport(({ service: serve }) => serve(contract, implementation), {
    router: {
      interceptors: [
        (next) => (request) => next(request).catch((error: unknown) => Promise.reject(toConnectError(error))),
      ],
    },
  });
  return createClient(AuditService, transport);
}

type Asked = Parameters<ReturnType<typeof clientOf>['listAuditEntries']>[0];

/** The seconds of the calls that are listed, page by page. */
async function pages(asked: Asked, service = 'sample'): Promise<number[][]> {
  const found: number[][] = [];
  let pageToken = '';
  do {
    const page = await clientOf(service).listAuditEntries({ ...asked, pageToken });
    found.push(page.auditEntries.map(({ requestId }) => Number(requestId)));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return found;
}

const down = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => from - index);

test('the pages hold each call once, the last first, and of this service alone', async () => {
  expect(await pages({ pageSize: 60 })).toEqual([down(149, 90), down(89, 30), down(29, 0)]);
  expect(await pages({})).toEqual([down(149, 100), down(99, 50), down(49, 0)]);
  expect(await pages({}, 'other')).toEqual([[1]]);
  expect(await pages({}, 'nobody')).toEqual([[]]);
});

test('of a method, by its whole name or its own, and between two times', async () => {
  expect(await pages({ method: 'GrantRole' })).toEqual([[75, 0]]);
  expect(await pages({ method: 'only2u.user.v1.OperatorService/GrantRole', pageSize: 1 })).toEqual([[75], [0]]);
  expect(await pages({ method: 'Role' })).toEqual([[]]);
  expect(await pages({ startTime: at(140), endTime: at(145) })).toEqual([down(144, 140)]);
  expect(await pages({ startTime: at(140), pageSize: 5 })).toEqual([down(149, 145), down(144, 140)]);
  expect(await pages({ endTime: at(3) })).toEqual([down(2, 0)]);
});

test('a token of another list, one that is none, and times the wrong way round are refused', async () => {
  const { nextPageToken: pageToken } = await clientOf('sample').listAuditEntries({ pageSize: 2 });
  const refusals = [
    clientOf('other').listAuditEntries({ pageToken }),
    clientOf('sample').listAuditEntries({ pageToken, method: 'GrantRole' }),
    clientOf('sample').listAuditEntries({ pageToken: 'é' }),
    clientOf('sample').listAuditEntries({ pageToken: `${pageToken}AA` }),
    clientOf('sample').listAuditEntries({ startTime: at(1), endTime: at(1) }),
  ].map((call) => call.catch((error: unknown) => ConnectError.from(error).code));
  expect(await Promise.all(refusals)).toEqual(refusals.map(() => Code.InvalidArgument));
});
