import { createRegistry, fromJsonString } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import { contractFiles, contracts } from '#gen/contracts.ts';
import { policyOf } from '#platform/rpc/policy.ts';
import { compile } from '../compile.ts';
import type { Json, Schema } from './constraints.ts';
import { exampleOf } from './example.ts';
import { messageSchema } from './json-schema.ts';
import { createModel } from '../model.ts';
import { openApi } from './openapi.ts';

const document = openApi(contracts, createModel(contractFiles), '1.0.0');
const paths = at(document, 'paths');
const openMethods = contracts.flatMap(({ methods }) => methods).filter((method) => policyOf(method).open);

test('what the contracts open to the edge is described, and nothing else', () => {
  const open = openMethods.map((method) => `/${method.parent.typeName}/${method.name}`);
  expect(Object.keys(paths).sort()).toEqual(open.sort());
  expect(paths).toHaveProperty(['/only2u.product.v1.ProductService/SearchProducts']);
  expect(paths).not.toHaveProperty(['/only2u.user.v1.OperatorService/GrantRole']);
  expect(paths).not.toHaveProperty(['/only2u.user.v1.KeyService/GetKeys']); // granted to "*": the mesh, not the world
});

test('what has no side effects is a GET too, and what has is not', () => {
  expect(Object.keys(at(paths, '/only2u.product.v1.ProductService/GetProduct'))).toEqual(['post', 'get']);
  expect(Object.keys(at(paths, '/only2u.product.v1.ProductService/DeleteProduct'))).toEqual(['post']);
});

test('access becomes security: anybody, signed in, one of the roles', () => {
  const security = (path: string) => at(paths, path, 'post')['security'];
  expect(security('/only2u.product.v1.ProductService/GetProduct')).toEqual([{}, { accessToken: [] }]);
  expect(security('/only2u.user.v1.UserService/GetUser')).toEqual([{ accessToken: [] }]);
  expect(security('/only2u.product.v1.ProductService/DeleteProduct')).toEqual([
    { accessToken: ['admin'] },
    { accessToken: ['vendor'] },
  ]);
});

test('every reference leads somewhere', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) =>
    path.split('/'),
  );
  expect(references.length).toBeGreaterThan(100);
  for (const path of references) expect(document).toHaveProperty(path);
});

test('every example is a message of its method', () => {
  const registry = createRegistry(...contracts);
  for (const method of openMethods) {
    expect(() => fromJsonString(method.input, JSON.stringify(exampleOf(method.input)), { registry })).not.toThrow();
  }
});

test('validation rules become constraints', () => {
  expect(schemaOf('string sku = 1 [(buf.validate.field).string = {min_len: 1 max_len: 9 example: "A-1"}];')).toEqual({
    type: 'object',
    properties: { sku: { type: 'string', minLength: 1, maxLength: 9, examples: ['A-1'] } },
    required: ['sku'],
    additionalProperties: false,
  });
  expect(
    propertyOf(
      'repeated string tags = 1 [(buf.validate.field).repeated = {max_items: 3 items: {string: {max_len: 5}}}];',
    ),
  ).toEqual({ type: 'array', maxItems: 3, items: { type: 'string', maxLength: 5 } });
  expect(propertyOf('int32 size = 1 [(buf.validate.field).int32 = {gte: 1 lte: 60}];')).toEqual({
    type: 'integer',
    format: 'int32',
    minimum: 1,
    maximum: 60,
  });
  expect(propertyOf('int64 price = 1 [(buf.validate.field).int64.lte = 90];')).toMatchObject({
    type: 'string',
    description: 'At most 90.',
  });
});

test('an optional field with a rule is not required', () => {
  expect(schemaOf('optional string sku = 1 [(buf.validate.field).string.min_len = 1];')).not.toHaveProperty('required');
});

test('of a required oneof exactly one member is asked for', () => {
  const schema = schemaOf(
    'oneof key { option (buf.validate.oneof).required = true; string id = 1; string handle = 2; }',
  );
  expect(schema['oneOf']).toEqual([{ required: ['id'] }, { required: ['handle'] }]);
});

test('a rule that can not be rendered stops the generation', () => {
  expect(() => schemaOf('string host = 1 [(buf.validate.field).string.hostname = true];')).toThrow(/string\.hostname/);
});

function schemaOf(body: string): Schema {
  const files = compile({
    'only2u/shoe/v1/shoe.proto': `syntax = "proto3"; package only2u.shoe.v1; import "buf/validate/validate.proto"; message Shoe { ${body} }`,
  });
  const shoe = files.flatMap((file) => file.messages).find((message) => message.name === 'Shoe');
  if (shoe === undefined) throw new Error('Shoe was not compiled.');
  return messageSchema(shoe);
}

function propertyOf(body: string): Json | undefined {
  return Object.values(at(schemaOf(body), 'properties'))[0];
}

/** The object at a path; fails when there is none. */
function at(json: Json, ...path: string[]): Schema {
  if (typeof json !== 'object' || json === null || !isSchema(json)) throw new Error(`No object at ${path.join(' ')}`);
  const [key, ...rest] = path;
  return key === undefined ? json : at(json[key] ?? null, ...rest);
}

function isSchema(json: Json): json is Schema {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
