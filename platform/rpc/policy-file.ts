import { readFileSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { DescMethod } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import { z } from 'zod';
import { StartError } from '../start-error.ts';
import { createPolicies, type Policy, policyOf, type PolicyTable } from './policy.ts';

const tableSchema = z.record(
  z.string(),
  z.object({
    callers: z.array(z.string()),
    access: z.enum(['public', 'user', 'roles', 'internal']),
    roles: z.array(z.string()).optional(),
    idempotency: z.enum(['none', 'idempotent', 'no-side-effects']),
  }),
);

function readTable(path: string): PolicyTable {
  const table = tableSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  return Object.fromEntries(
    Object.entries(table).map(([method, { roles, ...policy }]) => [
      method,
      { ...policy, ...(roles !== undefined && { roles }) },
    ]),
  );
}

function readAtStart(path: string): PolicyTable {
  try {
    return readTable(path);
  } catch (cause) {
    throw new StartError(`${path} is no table of policies: npm run mesh:up writes one.`, { cause });
  }
}

/** Who may call what, from a JSON file: a policy to come, of which is only counted what it would refuse. */
export function readPolicyFile(path: string): (method: DescMethod) => Policy {
  return createPolicies(readAtStart(path));
}

/**
 * The shop's policies with callers, access and roles from a JSON file, as it stands at the moment: a grant that is given or taken counts
 * from the next call on. A file that can't be read changes nothing, and the log says so.
 */
export function followPolicyFile(path: string, log: Logger): { policyOf(method: DescMethod): Policy; close(): void } {
  let current = createPolicies(readAtStart(path));
  const followed = new WeakMap<DescMethod, Policy>();
  const watcher = watch(dirname(path), (_, name) => {
    if (name !== basename(path)) return;
    try {
      current = createPolicies(readTable(path));
      log.info({ file: path }, 'policies reloaded');
    } catch (error) {
      log.error({ err: error, file: path }, 'new policies refused; the old ones stay in force');
    }
  });
  watcher.on('error', (error) => log.error({ err: error, file: path }, 'policies are no longer followed'));
  return {
    policyOf(method) {
      const known = followed.get(method);
      if (known !== undefined) return known;
      // One object for good, since calls in flight are counted by it.
      const policy: Policy = {
        ...policyOf(method),
        get callers() {
          return current(method).callers;
        },
        get access() {
          return current(method).access;
        },
        get roles() {
          return current(method).roles;
        },
      };
      followed.set(method, policy);
      return policy;
    },
    close: () => watcher.close(),
  };
}
