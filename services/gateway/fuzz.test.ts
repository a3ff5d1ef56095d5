import { create, type DescMethod, type DescService, type Message } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { contracts } from '#gen/contracts.ts';
import type { Handlers } from '#platform/service.ts';
import { fuzzEdge } from './fuzz-edge.ts';
import { openTestGateway, type TestGateway } from './testing.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway({
    config: { GATEWAY_RATE_LIMITS: 'off' },
    handlers: contracts.filter(({ typeName }) => !typeName.endsWith('KeyService')).map(answerEmpty),
  });
});
afterAll(() => gateway.close());

test('whatever a client sends to any open method is answered in the terms of the contract', async () => {
  const admin = gateway.signIn({ roles: ['admin', 'vendor'] });
  const { codes, methods } = await fuzzEdge({ url: gateway.url, runs: 10, authorizations: [admin] });
  expect(methods).toBeGreaterThan(20);
  expect(codes['ok']).toBeGreaterThan(methods / 2);
  expect(codes['invalid_argument']).toBeGreaterThan(methods / 2);
  expect(codes['unauthenticated']).toBeGreaterThan(0);
}, 60_000);

/** A service that takes what its contract takes, and answers nothing of interest. */
function answerEmpty(contract: DescService): Handlers {
  return {
    contract,
    // By descriptor, each function fits its method; TypeScript can't follow.
    implementation: Object.fromEntries(
      contract.methods.map((method) => [method.localName, empty(method)]),
    ) as unknown as Handlers['implementation'],
  };
}

function empty({ methodKind, output }: DescMethod) {
  switch (methodKind) {
    case 'unary':
      return () => create(output);
    case 'client_streaming':
      return async (requests: AsyncIterable<Message>) => {
        for await (const request of requests) void request;
        return create(output);
      };
    default:
      return async function* () {
        yield create(output);
      };
  }
}
