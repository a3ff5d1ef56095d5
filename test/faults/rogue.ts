import { Code, ConnectError } from '@connectrpc/connect';
import { contracts } from '#gen/contracts.ts';
import { workloadsServing } from '#platform/rpc/policy.ts';
import { must, until, type World } from './world.ts';

/** A program with a good certificate that no contract knows tries every method of every service: all are refused, and all are counted. */
export async function rogueIsRefused(world: World): Promise<string> {
  const material = await world.certify('intruder');
  let tried = 0;
  const wrong: string[] = [];
  for (const contract of contracts) {
    for (const service of workloadsServing(contract)) {
      const transport = world.callAs(material, service);
      for (const method of contract.methods) {
        const code = await transport.rawUnary(method, new Uint8Array(), { deadlineMs: Date.now() + 5_000 }).then(
          () => undefined,
          (error: unknown) => ConnectError.from(error).code,
        );
        tried += 1;
        if (code !== Code.PermissionDenied)
          wrong.push(
            `${contract.typeName}/${method.name} at ${service}: ${code === undefined ? 'let in' : Code[code]}`,
          );
      }
      transport.close();
    }
  }
  must(wrong.length === 0, wrong.join('; '));
  const counted = await until('mesh:status counts them', 5_000, async () => {
    const { refusals } = await world.report();
    const count = refusals.filter(({ caller }) => caller === 'intruder').reduce((sum, each) => sum + each.count, 0);
    return count >= tried && count;
  });
  must(counted === tried, `${tried} tried, ${counted} counted`);
  return `${tried} methods tried, ${counted} refusals counted`;
}
