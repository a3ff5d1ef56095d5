import { cp, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { OperatorService } from '#gen/only2u/user/v1/auth_pb.ts';
import { createEnvoyAdmin } from '../../envoy/admin.ts';
import { lookAtMesh } from '../../envoy/look.ts';
import { folderOf } from '../../envoy/node-files.ts';
import { runFolderOf } from '../../envoy/run-folder.ts';
import { parseStats } from '../../envoy/stats.ts';
import { openOperator } from '../../tools/operator.ts';
import { openTerminal } from './up.ts';
import { must, until } from './world.ts';

const path = 'only2u.user.v1.OperatorService/IssueToken';

/** A policy to come takes operators a method away: they still have it, and both the Envoy and the process count what they would lose. */
export async function shadowOnlyCounts(): Promise<string> {
  const terminal = await openTerminal();
  try {
    const next = join(terminal.data, 'next');
    await cp(resolve(import.meta.dirname, '../../proto'), next, { recursive: true });
    const file = join(next, 'only2u/user/v1/auth.proto');
    const contract = await readFile(file, 'utf8');
    const changed = contract.replace(/(rpc IssueToken\([^]*?callers: )\["operator"\]/, '$1["order"]');
    must(changed !== contract, 'the grant is not found in the contract');
    await writeFile(file, changed);

    await terminal.up('--shadow', next);
    const operator = await openOperator({
      ...terminal.variables,
      USER_ADDRESS: `127.0.0.1:${terminal.variables['USER_PORT'] ?? ''}`,
    });
    const { accessToken } = await operator.dial(OperatorService).issueToken({ requestId: crypto.randomUUID() });
    operator.close();
    must(accessToken !== '', 'the present policy no longer holds');
    const run = runFolderOf(terminal.data);
    const row = await until('mesh:status counts it', 5_000, async () =>
      (await lookAtMesh(run))?.shadow.find(({ method, caller }) => method === path && caller === 'operator'),
    );
    const text = await createEnvoyAdmin(join(folderOf('one', run), 'admin.sock')).get('/stats?filter=shadow_denied');
    const counted = parseStats(text ?? '').count('http.inbound_user.rbac.next_callers.shadow_denied');
    must(row.count === 1 && counted === 1, `the process counts ${row.count}, the Envoy ${counted}`);
    return `let in, and counted once by the Envoy and once by the process: "${row.why}"`;
  } finally {
    await terminal.close();
  }
}
