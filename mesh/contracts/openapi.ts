import type { DescEnum, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import type { Json, Schema } from './constraints.ts';
import { exampleOf } from './example.ts';
import { commentOf, enumSchema, messageSchema, reference, references } from './json-schema.ts';
import { errorSchemas } from './openapi-errors.ts';
import { type MeshModel, openAt } from '../model.ts';
import type { MethodPolicy } from '../read-policy.ts';

type OpenMethod = { readonly method: DescMethod; readonly policy: MethodPolicy };

/**
 * Describes in OpenAPI 3.1 every method that the contracts open to an edge, and nothing else. The model is of the same contracts: the
 * tables that the process enforces are rendered beside this, and may be those of before.
 */
export function openApi(services: readonly DescService[], model: MeshModel, version: string): Json {
  const open = openMethods(services, model);
  const tagged = new Set(open.map(({ method }) => method.parent));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Only2U',
      version,
      description:
        'Every method is a POST with a JSON body; methods without side effects are GETs too. ' +
        'Connect and gRPC-Web clients made from the same contracts speak to the same paths.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [
      { url: '/', description: 'Where this page came from' },
      { url: 'http://127.0.0.1:8080', description: 'npm start' },
    ],
    tags: [...tagged].map((service) => ({ name: service.name, description: commentOf(service) })),
    paths: Object.fromEntries(open.map((each) => [`/${pathOf(each.method)}`, pathItem(each)])),
    components: {
      securitySchemes: {
        accessToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'The accessToken that SignUp, SignIn and RefreshSession answer. It lasts ten minutes.',
        },
      },
      responses: { Error: errorResponse },
      schemas: { ...errorSchemas, ...schemasOf(open.map(({ method }) => method)) },
    },
  };
}

function openMethods(services: readonly DescService[], model: MeshModel): readonly OpenMethod[] {
  const open = model.methods.filter((method) => openAt(model, method).length > 0);
  const policies = new Map(open.map(({ path, policy }) => [path, policy]));
  return services.flatMap(({ methods }) =>
    methods.flatMap((method) => {
      const policy = policies.get(pathOf(method));
      return policy === undefined ? [] : [{ method, policy }];
    }),
  );
}

function pathOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

function pathItem({ method, policy }: OpenMethod): Json {
  const shared = {
    tags: [method.parent.name],
    summary: firstSentence(commentOf(method)),
    description: describe(method, policy),
    security: security(policy),
    'x-timeout-ms': policy.timeoutMs ?? null,
    responses: responses(method, policy),
  };
  const post = { operationId: operationId(method), ...shared, requestBody: requestBody(method) };
  if (policy.idempotency !== 'no-side-effects' || method.methodKind !== 'unary') return { post };
  return { post, get: { operationId: `${operationId(method)}_get`, ...shared, parameters: queryParameters(method) } };
}

function firstSentence(text: string): string {
  return /^.*?[.:](?=\s|$)/s.exec(text)?.[0].replace(/[.:]$/, '') ?? text;
}

function operationId(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`.replaceAll('.', '_');
}

function describe(method: DescMethod, policy: MethodPolicy): string {
  const rules = [
    accessInWords(policy),
    ...policy.limits
      .filter((limit) => limit.scope !== 'caller')
      .map((limit) => `At most ${limit.requests} calls in ${limit.windowMs / 1000} s for each ${limit.scope}.`),
    ...(policy.timeoutMs === undefined ? [] : [`Ends after ${policy.timeoutMs / 1000} s.`]),
    ...(policy.cache === undefined ? [] : [`An answer to GET may be kept for ${policy.cache.maxAgeMs / 1000} s.`]),
    ...(method.methodKind === 'unary'
      ? []
      : ['A stream: each message is enveloped as the Connect protocol says; use a Connect client.']),
  ];
  return `${commentOf(method)}\n\n${rules.join(' ')}`;
}

function accessInWords(policy: MethodPolicy): string {
  switch (policy.access) {
    case 'public':
      return 'Open to everybody.';
    case 'roles':
      return `For signed-in users with one of the roles: ${[...policy.roles].join(', ')}.`;
    default:
      return 'For signed-in users.';
  }
}

/** Each entry is one way in; OpenAPI 3.1 lets a bearer scheme list roles. A public method looks at a token if there is one. */
function security(policy: MethodPolicy): Json {
  if (policy.access === 'public') return [{}, { accessToken: [] }];
  return policy.access === 'roles' ? [...policy.roles].map((role) => ({ accessToken: [role] })) : [{ accessToken: [] }];
}

function requestBody(method: DescMethod): Json {
  const example = exampleOf(method.input);
  return { required: true, content: { [mediaType(method)]: { schema: reference(method.input), example } } };
}

function mediaType(method: DescMethod): string {
  return method.methodKind === 'unary' ? 'application/json' : 'application/connect+json';
}

function queryParameters(method: DescMethod): Json {
  return [
    {
      name: 'encoding',
      in: 'query',
      required: true,
      description: 'How `message` is written.',
      schema: { type: 'string', enum: ['json'] },
    },
    {
      name: 'message',
      in: 'query',
      required: true,
      description: 'The request as JSON.',
      content: { 'application/json': { schema: reference(method.input), example: exampleOf(method.input) } },
    },
    {
      name: 'connect',
      in: 'query',
      description: 'The version of the protocol.',
      schema: { type: 'string', enum: ['v1'] },
    },
  ];
}

function responses(method: DescMethod, policy: MethodPolicy): Json {
  const error = { $ref: '#/components/responses/Error' };
  return {
    '200': {
      description: commentOf(method.output),
      content: { [mediaType(method)]: { schema: reference(method.output) } },
    },
    '400': error,
    ...(policy.access === 'public' ? {} : { '401': error }),
    ...(policy.access === 'roles' ? { '403': error } : {}),
    ...(policy.limits.length > 0 ? { '429': error } : {}),
    default: error,
  };
}

const errorResponse: Json = {
  description: 'Why the call was refused. Programs decide by `reason` in the google.rpc.ErrorInfo detail.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/connect.error' } } },
};

/** The schemas of everything that the methods' messages hold, in the order of their names. */
function schemasOf(methods: readonly DescMethod[]): Schema {
  const found = new Map<string, DescMessage | DescEnum>();
  const waiting: (DescMessage | DescEnum)[] = methods.flatMap((method) => [method.input, method.output]);
  for (let desc = waiting.pop(); desc !== undefined; desc = waiting.pop()) {
    if (found.has(desc.typeName)) continue;
    found.set(desc.typeName, desc);
    if (desc.kind === 'message') waiting.push(...references(desc));
  }
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    sorted.map(([name, desc]) => [name, desc.kind === 'message' ? messageSchema(desc) : enumSchema(desc)]),
  );
}
