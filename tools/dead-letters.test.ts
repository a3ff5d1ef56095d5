import { create } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { DeadLetterSchema, DeadLetterService } from '#gen/only2u/operation/v1/dead_letter_pb.ts';
import { type Command, readArguments, run } from './dead-letters.ts';

test.each<[string[], Command]>([
  [['list', '--service', 'user'], { kind: 'list', from: ['user'] }],
  [['show', 'user/task/mail/a'], { kind: 'show', id: 'user/task/mail/a' }],
  [
    ['replay', 'user/task/mail/a', 'product/event/product/evt_1'],
    { kind: 'replay', ids: ['user/task/mail/a', 'product/event/product/evt_1'] },
  ],
  [['drop', '--all', '--service', 'product'], { kind: 'drop', from: ['product'] }],
  [['--help'], { kind: 'help' }],
])('%j is understood', (args, command) => {
  expect(readArguments(args)).toEqual(command);
});

test('without a service all are asked, but not the edge', () => {
  const command = readArguments(['list']);
  expect(command).toEqual({ kind: 'list', from: expect.arrayContaining(['user', 'product']) });
  expect(command).toEqual({ kind: 'list', from: expect.not.arrayContaining(['gateway']) });
});

test.each([
  [[], /Say what to do/],
  [['bury'], /There is no bury/],
  [['list', 'user/task/mail/a'], /takes nothing but --service/],
  [['list', '--service', 'nobody'], /There is no service nobody/],
  [['show'], /Name one ID/],
  [['show', 'user/task/a/b', 'user/task/a/c'], /Name one ID/],
  [['show', 'gateway/task/mail/a'], /There is no service gateway/],
  [['show', 'evt_1'], /is no ID/],
  [['replay'], /Name the IDs to replay, or say --all/],
  [['drop', 'user/task/mail/a', '--all'], /Name the IDs to drop, or say --all/],
  [['drop', 'user/task/mail/a', '--service', 'user'], /leave --service out/],
  [['drop', '--force'], /Unknown option/],
])('the arguments %j are refused, and it is said why', (args, message) => {
  expect(() => readArguments(args)).toThrow(message);
});

/** A service with dead letters, and what the command prints. */
function desk(count: number) {
  const ids = Array.from({ length: count }, (_, index) => `user/task/mail/${String(index).padStart(5, '0')}`);
  const letterOf = (id: string) =>
    create(DeadLetterSchema, {
      id,
      type: 'mail',
      key: id.slice(-5),
      attemptCount: 20,
      error: 'Error: broken\n\u001b[2Jat line 1',
      createTime: timestampFromDate(new Date('2026-03-01T12:00:00Z')),
      deadTime: timestampFromDate(new Date('2026-03-01T13:00:00Z')),
      traceparent: '00-1-2-01',
    });
  const take = (id: string): void => {
    const place = ids.indexOf(id);
    if (place < 0) throw new ConnectError(`There is no dead letter ${id}`, Code.NotFound);
    ids.splice(place, 1);
  };
  const transport = createRouterTransport(({ service }) => {
    service(DeadLetterService, {
      listDeadLetters({ pageSize, pageToken }) {
        const rest = ids.filter((id) => id > pageToken);
        const page = rest.slice(0, pageSize);
        return { deadLetters: page.map(letterOf), nextPageToken: rest.length > pageSize ? (page.at(-1) ?? '') : '' };
      },
      getDeadLetter: ({ id }) => ({ deadLetter: letterOf(id), bodyJson: '{"to":"b"}' }),
      replayDeadLetter({ id }) {
        take(id);
        return {};
      },
      dropDeadLetter({ id }) {
        take(id);
        return {};
      },
    });
  });
  const lines: string[] = [];
  return {
    ids,
    text: () => lines.join('\n'),
    clientOf: () => createClient(DeadLetterService, transport),
    write: (line: string) => void lines.push(line),
  };
}

test('a list shows each with its error’s first line, and nothing that moves the cursor', async () => {
  const shown = desk(2);
  expect(await run({ kind: 'list', from: ['user'] }, shown)).toBe(0);
  expect(shown.text()).toBe(
    [
      'user/task/mail/00000',
      '  2026-03-01T13:00:00.000Z, 20 attempts, mail, about 00000',
      '  Error: broken',
      'user/task/mail/00001',
      '  2026-03-01T13:00:00.000Z, 20 attempts, mail, about 00001',
      '  Error: broken',
      'Dead letters: 2.',
    ].join('\n'),
  );
});

test('no dead letters are said to be none', async () => {
  const shown = desk(0);
  expect(await run({ kind: 'list', from: ['user'] }, shown)).toBe(0);
  expect(shown.text()).toBe('There are no dead letters.');
});

test('one is shown with its content and its whole error', async () => {
  const shown = desk(1);
  expect(await run({ kind: 'show', id: 'user/task/mail/00000' }, shown)).toBe(0);
  expect(shown.text()).toContain('body:     {\n  "to": "b"\n}');
  expect(shown.text()).toContain('error:    Error: broken\n�[2Jat line 1');
});

test('all are replayed, page by page', async () => {
  const shown = desk(250);
  expect(await run({ kind: 'replay', from: ['user'] }, shown)).toBe(0);
  expect(shown.ids).toEqual([]);
  expect(shown.text()).toBe('Replayed: 250.');
});

test('one command takes a thousand at most, and says that there are more', async () => {
  const shown = desk(1_100);
  expect(await run({ kind: 'drop', from: ['user'] }, shown)).toBe(0);
  expect(shown.ids).toHaveLength(100);
  expect(shown.text()).toContain('Dropped: 1000; there are more.');
});

test('of several, one that is gone already keeps no other from being replayed', async () => {
  const shown = desk(2);
  const ids = ['user/task/mail/00000', 'user/task/mail/none', 'user/task/mail/00001'];
  expect(await run({ kind: 'replay', ids }, shown)).toBe(1);
  expect(shown.ids).toEqual([]);
  expect(shown.text()).toContain('There is no dead letter user/task/mail/none');
});

test('one that is not there is an error', async () => {
  await expect(run({ kind: 'drop', ids: ['user/task/mail/none'] }, desk(1))).rejects.toThrow('There is no dead letter');
});

test('of several services one that does not answer is named, and the others’ are shown', async () => {
  const shown = desk(1);
  const down = createRouterTransport(({ service }) => {
    service(DeadLetterService, {
      listDeadLetters() {
        throw new ConnectError('nobody there', Code.Unavailable);
      },
    });
  });
  const clientOf = (service: string) =>
    service === 'product' ? createClient(DeadLetterService, down) : shown.clientOf();
  expect(await run({ kind: 'list', from: ['product', 'user'] }, { ...shown, clientOf })).toBe(1);
  expect(shown.text()).toMatch(/user\/task\/mail\/00000[^]*Dead letters: 1\.\nproduct does not answer/);
  await expect(run({ kind: 'list', from: ['product'] }, { ...shown, clientOf })).rejects.toThrow('nobody there');
});
