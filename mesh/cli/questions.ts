import { StartError } from '#platform/start-error.ts';
import { type Command, ourMesh, protoRoot, readArguments } from './command.ts';
import { explain } from '../ask/explain.ts';
import { findMethod } from '../ask/find-method.ts';
import type { Caller, User } from '../matrix.ts';
import type { MeshModel } from '../model.ts';
import { didYouMean } from '../ask/near.ts';
import { methodsText, whoText } from '../ask/who.ts';

export const whoCommand: Command = {
  usage: '[METHOD]',
  about: 'who may call a method, for whom, how long and how often; without one, all methods and their callers',
  more: 'METHOD is as short as it can be told apart by: PlaceOrder, OrderService/PlaceOrder, order/PlaceOrder or the whole path.\n',
  run(args) {
    const { positionals } = readArguments(args, {});
    const [said, ...rest] = positionals;
    if (rest.length > 0) throw new StartError('who takes one method.');
    const { model } = ourMesh();
    return {
      text: said === undefined ? methodsText(model) : whoText(model, findMethod(model, said), protoRoot),
      code: 0,
    };
  },
};

const strangers = ['stranger', 'foreign', 'anonymous'] as const;

export const explainCommand: Command = {
  usage: 'CALLER METHOD [--user ROLE]',
  about: 'whether a call is allowed, by which rule in which line of the contract, and how to grant it',
  more: `CALLER is a workload, or stranger (a certificate of the mesh, but in no contract), foreign (one of another CA) or anonymous (none).
METHOD is as in who. ROLE is a role, or none, expired or forged for a token; without --user every role is asked for.
Exit code: 0 allowed, 1 refused; without --user, 0 when anybody may.
`,
  run(args) {
    const { positionals, values } = readArguments(args, { user: { type: 'string' } });
    const [caller, said, ...rest] = positionals;
    if (caller === undefined || said === undefined || rest.length > 0)
      throw new StartError('explain takes a caller and a method: npm run mesh -- explain order QuoteCoupon');
    const { model, roles } = ourMesh();
    const asked = {
      caller: callerOf(model, caller),
      method: findMethod(model, said),
      user: userOf(roles, values.user),
    };
    const { allowed, text } = explain(model, roles, asked, protoRoot);
    return { text, code: allowed ? 0 : 1 };
  },
};

/** By name, or by SPIFFE ID as refusals write it. */
function callerOf({ workloads }: MeshModel, written: string): Caller {
  const said = written.replace(/^spiffe:\/\/.*\/sa\//, '');
  const stranger = strangers.find((each) => each === said);
  if (stranger !== undefined) return stranger;
  const names = workloads.map(({ name }) => name);
  if (names.includes(said)) return { workload: said };
  throw new StartError(
    `There is no workload ${said}${didYouMean(said, names) || `: there are ${names.join(', ')}, and ${strangers.join(', ')}.`}`,
  );
}

function userOf(roles: readonly string[], said: string | undefined): User | undefined {
  if (said === undefined || said === 'none' || said === 'expired' || said === 'forged') return said;
  if (roles.includes(said)) return { role: said };
  throw new StartError(
    `There is no role ${said}${didYouMean(said, roles) || `: there are ${roles.join(', ')}, and none, expired, forged.`}`,
  );
}
