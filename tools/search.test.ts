import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { expect, test } from '@jest/globals';
import {
  GetSearchIndexResponseSchema,
  RebuildSearchIndexResponseSchema,
  SearchEngine,
  SearchIndex_State,
  type SearchIndexSchema,
} from '#gen/only2u/product/v1/search_index_pb.ts';
import { rebuild, type SearchIndexClient, status } from './search.ts';

const { POSTGRES, ELASTICSEARCH } = SearchEngine;
const { FILLING, LIVE } = SearchIndex_State;

type Answer = { readonly engine?: SearchEngine; readonly indices?: MessageInitShape<typeof SearchIndexSchema>[] };

/** A shop that gives these answers, one after another. */
function shopWith(...answers: readonly (Answer | Error)[]): SearchIndexClient {
  const left = [...answers];
  return {
    rebuildSearchIndex: () => Promise.resolve(create(RebuildSearchIndexResponseSchema, { name: 'products-new' })),
    getSearchIndex() {
      const answer = left.shift();
      if (answer === undefined || answer instanceof Error)
        return Promise.reject(answer ?? new Error('no more answers'));
      const { engine = ELASTICSEARCH, indices = [] } = answer;
      const configuredEngine = engine === POSTGRES && indices.length === 0 ? POSTGRES : ELASTICSEARCH;
      return Promise.resolve(create(GetSearchIndexResponseSchema, { engine, configuredEngine, indices }));
    },
  };
}

async function said(command: (desk: Parameters<typeof rebuild>[0]) => Promise<number>, client: SearchIndexClient) {
  const lines: string[] = [];
  let nowMs = 0;
  const code = await command({
    client,
    isTerminal: false,
    write: (text) => void lines.push(text),
    nowMs: () => nowMs,
    wait(ms) {
      nowMs += ms;
      return Promise.resolve();
    },
  });
  return { code, text: lines.join('') };
}

const live = { name: 'products-a', state: LIVE, documentCount: 66n, waitingCount: 2, lag: durationFromMs(1_500) };

test('status shows engine, index, documents and lag, and fails while another engine answers', async () => {
  expect(await said(status, shopWith({ indices: [live] }))).toEqual({
    code: 0,
    text: 'engine:  Elasticsearch\nindex:   products-a is asked: 66 products, 2 changes wait, the first for 1.5 s\n',
  });
  const away = await said(status, shopWith({ engine: POSTGRES, indices: [{ ...live, documentCount: -1n }] }));
  expect(away).toMatchObject({ code: 1 });
  expect(away.text).toContain('Elasticsearch, but just now PostgreSQL answers');
  expect(away.text).toContain('does not answer');
  expect((await said(status, shopWith({ engine: POSTGRES }))).code).toBe(0);
});

test('rebuild shows how far the index is until it is asked, also past a restart of the shop', async () => {
  const filling = { name: 'products-new', state: FILLING, filledCount: 33, totalCount: 66 };
  const restart = new ConnectError('away', Code.Unavailable);
  const finished = { ...live, name: 'products-new', waitingCount: 0 };
  const shop = shopWith({ indices: [filling] }, restart, { indices: [filling] }, { indices: [finished] });
  const { code, text } = await said(rebuild, shop);
  expect(code).toBe(0);
  expect(text.split('\n')).toEqual([
    'filling products-new',
    '33 of 66 products, 50%',
    'the shop does not answer; waiting',
    '33 of 66 products, 50%',
    'products-new is asked: 66 products, nothing waits; it took 1.5 s',
    '',
  ]);
  await expect(said(rebuild, shopWith({ indices: [] }))).rejects.toThrow('is gone');
  await expect(said(rebuild, shopWith(...Array.from({ length: 200 }, () => restart)))).rejects.toThrow('away');
});
