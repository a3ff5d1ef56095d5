import type { Schema } from './constraints.ts';

const detailTypes = ['google.rpc.ErrorInfo', 'google.rpc.BadRequest', 'google.rpc.RetryInfo'];

/** The error of the Connect protocol, with the details that the platform adds. No contract describes it: it is the protocol's own. */
export const errorSchemas: { readonly [name: string]: Schema } = {
  'connect.error': {
    type: 'object',
    required: ['code'],
    properties: {
      code: {
        type: 'string',
        enum: [
          'canceled',
          'unknown',
          'invalid_argument',
          'deadline_exceeded',
          'not_found',
          'already_exists',
          'permission_denied',
          'resource_exhausted',
          'failed_precondition',
          'aborted',
          'out_of_range',
          'unimplemented',
          'internal',
          'unavailable',
          'data_loss',
          'unauthenticated',
        ],
      },
      message: { type: 'string', description: 'What is wrong and what to do, for people.' },
      details: { type: 'array', items: { $ref: '#/components/schemas/connect.error_detail' } },
    },
    example: {
      code: 'not_found',
      message: 'There is no product "prd_unknown".',
      details: [
        {
          type: 'google.rpc.ErrorInfo',
          value: 'ChFQUk9EVUNUX05PVF9GT1VORBIGb25seTJ1GhkKCnByb2R1Y3RfaWQSC3ByZF91bmtub3du',
          debug: { reason: 'PRODUCT_NOT_FOUND', domain: 'only2u', metadata: { product_id: 'prd_unknown' } },
        },
      ],
    },
  },
  'connect.error_detail': {
    type: 'object',
    required: ['type', 'value'],
    properties: {
      type: { type: 'string', enum: detailTypes },
      value: { type: 'string', description: 'The detail as a protobuf message in base64 without padding.' },
      debug: {
        description: 'The same detail as JSON.',
        anyOf: detailTypes.map((type) => ({ $ref: `#/components/schemas/${type}` })),
      },
    },
  },
  'google.rpc.ErrorInfo': {
    type: 'object',
    description: 'Which refusal it is. Each call that is refused has one.',
    required: ['reason'],
    properties: {
      reason: { type: 'string', pattern: '^[A-Z][A-Z0-9_]+$', description: 'Stable, for programs to decide by.' },
      domain: { type: 'string', description: 'Who refused.' },
      metadata: {
        type: 'object',
        additionalProperties: { type: 'string' },
        description: 'Every value that the message mentions.',
      },
    },
  },
  'google.rpc.BadRequest': {
    type: 'object',
    description: 'Which fields of the request are not acceptable.',
    properties: {
      fieldViolations: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            field: { type: 'string', description: 'Such as "product.variants[2].price".' },
            description: { type: 'string' },
            reason: { type: 'string' },
          },
        },
      },
    },
  },
  'google.rpc.RetryInfo': {
    type: 'object',
    description: 'When it makes sense to try again.',
    properties: { retryDelay: { type: 'string', description: 'Such as "1.5s".' } },
  },
};
