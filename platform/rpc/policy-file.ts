import { readFileSync } from 'node:fs';
import type { DescMethod } from '@bufbuild/protobuf';
import { z } from 'zod';
import { StartError } from '../start-error.ts';
import { createPolicies, type Policy } from './policy.ts';

const table = z.record(
  z.string(),
  z.object({
    callers: z.array(z.string()),
    access: z.enum(['public', 'user', 'roles', 'internal']),
    roles: z.array(z.string()).optional(),
    idempotency: z.enum(['none', 'idempotent', 'no-side-effects']),
  }),
);

/** Who may call what, from a JSON file: a policy to come, of which is only counted what it would refuse. */
export function readPolicyFile(path: string): (method: DescMethod) => Policy {
  try {
    return createPolicies(
      Object.fromEntries(
        Object.entries(table.parse(JSON.parse(readFileSync(path, 'utf8')))).map(([method, { roles, ...policy }]) => [
          method,
          { ...policy, ...(roles !== undefined && { roles }) },
        ]),
      ),
    );
  } catch (cause) {
    throw new StartError(`${path} is no table of policies: npm run mesh:up -- --shadow writes one.`, { cause });
  }
}
