import { expect } from '@jest/globals';
import { z } from 'zod';
import type { TestShop } from './shop.ts';

/** How the edge refused a call. */
export type Refused = {
  readonly status: number;
  readonly code: string;
  readonly reason: string;
  /** The fields that are at fault. */
  readonly fields: readonly string[];
};

const shape = z.object({
  code: z.string(),
  message: z.string().min(1),
  details: z
    .array(
      z.object({
        type: z.string(),
        debug: z
          .object({ reason: z.string(), fieldViolations: z.array(z.object({ field: z.string() })) })
          .partial()
          .optional(),
      }),
    )
    .default([]),
});

// How we are made is nobody's business: services, contracts that were not asked for, hosts, ports, files, stacks, SQL.
const ours = [
  /\b(user|product|cart|coupon|order|payment|gateway)[ _-]?service\b/i,
  /\bonly2u\.\w+\.v\d/,
  /\b(127\.0\.0\.1|localhost|\d{1,3}(\.\d{1,3}){3}|\w+:\d{4,5})\b/,
  /spiffe|workload|upstream|postgres|\bsql\b|ECONN|grpc|http2/i,
  /\.(ts|js)\b|node_modules|\n\s+at /,
];

/** Reads a refusal; fails when it is none, and when it says how the shop is made inside. What was called may be named. */
export function readRefusal(status: number, text: string, called = ''): Refused {
  expect(status).toBeGreaterThanOrEqual(400);
  const parsed = shape.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error(`this is no refusal: ${text}`);
  const { code, message, details } = parsed.data;
  const said = JSON.stringify([message, details.map(({ debug }) => debug)]).replace(
    new RegExp(`only2u\\.\\w+\\.v1\\.${called}\\b`),
    '',
  );
  for (const pattern of ours) expect(said).not.toMatch(pattern);
  return {
    status,
    code,
    reason: details.find(({ type }) => type === 'google.rpc.ErrorInfo')?.debug?.reason ?? '',
    fields: details.flatMap(({ debug }) => debug?.fieldViolations ?? []).map(({ field }) => field),
  };
}

/** Calls as JSON what must be refused. */
export async function refused(shop: TestShop, method: string, body: object, token?: string): Promise<Refused> {
  const answer = await shop.call(method, body, token === undefined ? {} : { token });
  return readRefusal(answer.status, JSON.stringify(answer.body), method);
}
