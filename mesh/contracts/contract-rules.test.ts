import { expect, test } from '@jest/globals';
import { compile } from '../compile.ts';
import { contractFindings } from './contract-rules.ts';

const requestId = 'string request_id = 1 [(buf.validate.field).string.max_len = 64];';

type Case = {
  /** The method's options, name and messages, where they differ from a method that is as it should be. */
  readonly name?: string;
  readonly level?: string;
  readonly input?: string;
  readonly request?: string;
  readonly response?: string;
  readonly more?: string;
  /** The name of the file. */
  readonly file?: string;
};

/** What breaks each rule. The name of a case is the rule and the claim. */
const broken: Readonly<Record<string, Case>> = {
  'own-messages: a method takes its own request': { input: 'Other', more: 'message Other {}' },
  'own-messages: two methods share no message': {
    more: `service TwinService {
      rpc MakeShoe(MakeShoeRequest) returns (MakeShoeResponse);
    }`,
  },
  'request-id: what changes things has a request_id': { request: '' },
  'paging: a list has page_size and tokens': { name: 'ListShoes', level: 'NO_SIDE_EFFECTS', request: '' },
  'update-mask: an update has update_mask': { name: 'UpdateShoe' },
  'etag: an update takes an etag': { name: 'UpdateShoe' },
  'event: a message among events is one': { file: 'events', more: 'message ShoeWorn {}' },
  'enum-zero: an enum begins with UNSPECIFIED': { more: 'enum Size { SIZE_SMALL = 0; }' },
  'time: what ends in _time is a Timestamp': { response: 'string create_time = 1;' },
  'time: a Timestamp ends in _time': { response: 'google.protobuf.Timestamp created = 1;' },
  'id: an id is a string': { response: 'int64 shoe_id = 1;' },
  'redact: a password is redacted': { response: 'string old_password = 1;' },
  'redact: a phone number is redacted': { response: 'string phone = 1;' },
  'redact: the lines of an address are redacted': { response: 'repeated string lines = 1;' },
  'redact: a reference to a payment is redacted': { response: 'string provider_payment_id = 1;' },
  'redact: the body of a webhook is redacted': { response: 'bytes body = 1;' },
  'redact: what somebody noted is redacted': { response: 'string note = 1;' },
  'bound: a text that comes in has a most': { request: `${requestId} string note = 2;` },
  'bound: an open pattern bounds nothing': {
    request: `${requestId} string note = 2 [(buf.validate.field).string.pattern = "^[a-z]+$"];`,
  },
  'bound: bytes that come in have a most': { request: `${requestId} bytes chunk = 2;` },
  'bound: a list that comes in has a most': { request: `${requestId} repeated int32 sizes = 2;` },
  'bound: the items of a list have a most': {
    request: `${requestId} repeated string tags = 2 [(buf.validate.field).repeated.max_items = 3];`,
  },
  'bound: a map that comes in has a most': { request: `${requestId} map<int32, int32> sizes = 2;` },
  'bound: what a request holds deeper down has a most': {
    request: `${requestId} Inner inner = 2;`,
    more: 'message Inner { string note = 1; }',
  },
};

const names = Object.keys(broken);
const findings = contractFindings(
  compile({
    ...Object.fromEntries(
      names.map((name, index) => [
        `only2u/case${index}/v1/${broken[name]?.file ?? 'shoe'}.proto`,
        text(index, broken[name] ?? {}),
      ]),
    ),
    'only2u/good/v1/shoe.proto': text('good', {}),
  }),
);

test.each(names)('%s', (name) => {
  const [rule] = name.split(':');
  const mine = findings.filter((each) => each.where.includes(`only2u.case${names.indexOf(name)}.`));
  expect(mine.map((each) => each.rule)).toContain(rule);
});

test('a contract as it should be has no finding', () => {
  expect(findings.filter((each) => each.where.includes('only2u.good.'))).toEqual([]);
});

test('a bounded pattern, a cursor and an id in words of the domain are fine', () => {
  const files = compile({
    'only2u/good/v1/shoe.proto': text('good', {
      request: `${requestId} string currency = 2 [(buf.validate.field).string.pattern = "^[A-Z]{3}$"];`,
      response: 'string next_page_token = 1; int32 paid = 2;',
    }),
  });
  expect(contractFindings(files)).toEqual([]);
});

function text(index: number | 'good', each: Case): string {
  const name = each.name ?? 'MakeShoe';
  const level = each.level ?? 'IDEMPOTENT';
  return `syntax = "proto3";
    package only2u.${index === 'good' ? index : `case${index}`}.v1;
    import "buf/validate/validate.proto";
    import "google/protobuf/timestamp.proto";
    service ShoeService {
      rpc ${name}(${each.input ?? `${name}Request`}) returns (${name}Response) {
        option idempotency_level = ${level};
      }
    }
    message ${name}Request { ${each.request ?? requestId} }
    message ${name}Response { ${each.response ?? ''} }
    ${each.more ?? ''}`;
}
