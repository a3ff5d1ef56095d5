import { expect, test } from '@jest/globals';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, createClient } from '@connectrpc/connect';
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '#gen/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '#gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '#gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { EchoService, openTestRpc } from '../testing/rpc.ts';

test('health follows readiness, for the server and for each of its services', async () => {
  let ready = Promise.resolve();
  const rpc = await openTestRpc({ implementation: {}, server: { ready: () => ready } });
  const health = createClient(Health, rpc.transport);
  for (const service of ['', EchoService.typeName]) {
    expect((await health.check({ service })).status).toBe(ServingStatus.SERVING);
  }
  ready = Promise.reject(new Error('the database is away'));
  ready.catch(() => {});
  expect((await health.check({})).status).toBe(ServingStatus.NOT_SERVING);
  expect((await health.list({})).statuses[EchoService.typeName]?.status).toBe(ServingStatus.NOT_SERVING);
  await expect(health.check({ service: 'only2u.none.v1.None' })).rejects.toMatchObject({ code: Code.NotFound });
  await rpc.close();
});

test('who watches health is told when the server closes, which does not wait for them', async () => {
  const rpc = await openTestRpc({ implementation: {} });
  const seen: ServingStatus[] = [];
  for await (const { status } of createClient(Health, rpc.transport).watch({})) {
    seen.push(status);
    if (seen.length === 1) void rpc.server.close({ graceMs: 10_000 });
  }
  expect(seen).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING]);
  await rpc.close();
});

test('who watches a service that is not there learns it', async () => {
  const rpc = await openTestRpc({ implementation: {} });
  const watching = createClient(Health, rpc.transport).watch({ service: 'nothing' });
  expect((await watching[Symbol.asyncIterator]().next()).value).toMatchObject({
    status: ServingStatus.SERVICE_UNKNOWN,
  });
  await rpc.close();
});

test('reflection lists the services, in both versions', async () => {
  const rpc = await openTestRpc({ implementation: {} });
  for (const contract of [ServerReflection, ServerReflectionAlpha]) {
    const client = createClient(contract as typeof ServerReflection, rpc.transport);
    const answers = client.serverReflectionInfo(one({ messageRequest: { case: 'listServices', value: '' } }));
    for await (const { messageResponse } of answers) {
      expect(messageResponse).toMatchObject({
        case: 'listServicesResponse',
        value: { service: [{ name: EchoService.typeName }, { name: Health.typeName }] },
      });
    }
  }
  await rpc.close();
});

test('every file that a contract needs can be asked for, by symbol and by name', async () => {
  const rpc = await openTestRpc({
    implementation: {},
    server: { handlers: [{ contract: ProductService, implementation: {} }] },
  });
  const client = createClient(ServerReflection, rpc.transport);
  const wanted: Question[] = [{ case: 'fileContainingSymbol', value: 'only2u.product.v1.ProductService.GetProduct' }];
  const found = new Set<string>();
  for (let question = wanted.pop(); question !== undefined; question = wanted.pop()) {
    for await (const { messageResponse } of client.serverReflectionInfo(one({ messageRequest: question }))) {
      if (messageResponse.case !== 'fileDescriptorResponse') throw new Error(`answered by ${messageResponse.case}`);
      for (const bytes of messageResponse.value.fileDescriptorProto) {
        const file = fromBinary(FileDescriptorProtoSchema, bytes);
        found.add(file.name);
        for (const name of file.dependency) if (!found.has(name)) wanted.push(byName(name));
      }
    }
  }
  expect([...found]).toEqual(
    expect.arrayContaining([
      'only2u/product/v1/product.proto',
      'only2u/mesh/v1/policy.proto',
      'buf/validate/validate.proto',
      'google/protobuf/descriptor.proto',
    ]),
  );
  await rpc.close();
});

test('what is not known is said to be, without ending the stream', async () => {
  const rpc = await openTestRpc({ implementation: {} });
  const client = createClient(ServerReflection, rpc.transport);
  const extension = { containingType: 'google.protobuf.MethodOptions', extensionNumber: 1 };
  async function* requests() {
    yield { messageRequest: { case: 'fileContainingSymbol' as const, value: 'nothing' } };
    yield { messageRequest: { case: 'fileContainingExtension' as const, value: extension } };
    yield {};
  }
  const codes: number[] = [];
  for await (const { messageResponse } of client.serverReflectionInfo(requests())) {
    if (messageResponse.case === 'errorResponse') codes.push(messageResponse.value.errorCode);
  }
  expect(codes).toEqual([Code.NotFound, Code.NotFound, Code.InvalidArgument]);
  await rpc.close();
});

type Question = { readonly case: 'fileContainingSymbol' | 'fileByFilename'; readonly value: string };

function byName(value: string): Question {
  return { case: 'fileByFilename', value };
}

async function* one<T>(message: T): AsyncGenerator<T> {
  yield message;
}
