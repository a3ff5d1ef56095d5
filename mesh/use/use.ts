import type { Finding } from '../contracts/finding.ts';
import { type MeshModel, type Method, openAt } from '../model.ts';
import { sourceText } from '../source.ts';

/** One place of the code that calls a method of a contract. */
export type Call = {
  /** Who calls. Several where it is not known before run time which of them. */
  readonly by: readonly string[];
  /** "only2u.cart.v1.CartService/GetCart", or the name of what it answers, where the code tells no more. */
  readonly method: string;
  /** "services/order/pricing.grpc.ts:50" */
  readonly at: string;
};

/**
 * Grants held against use: what is called and was never granted, and what is granted and never called. An edge passes on all that is
 * open to it, without a line of code for each; what is granted to everybody is used when anybody calls it.
 */
export function useFindings(model: MeshModel, calls: readonly Call[], protoRoot: string): readonly Finding[] {
  const used = new Map<Method, Set<string>>();
  const findings: Finding[] = [];
  for (const { by, method: name, at } of calls) {
    const method = methodOf(model, name);
    if (method === undefined) {
      findings.push({ where: at, rule: 'call-of-nothing', problem: `calls ${name}, which no contract has` });
      continue;
    }
    const callers = used.get(method) ?? new Set();
    used.set(method, callers);
    for (const caller of by) {
      callers.add(caller);
      if (!method.policy.callers.includes(caller)) findings.push(ungranted(method, caller, at, protoRoot));
    }
  }
  return [
    ...findings,
    ...model.methods.flatMap((method) => unusedGrants(model, method, used.get(method) ?? new Set())),
  ];
}

function ungranted(method: Method, caller: string, at: string, protoRoot: string): Finding {
  const place = sourceText(method.sourceOf('callers'), protoRoot);
  const problem = `calls ${method.path} as ${caller}, to whom nothing grants it: add "${caller}" to the callers at ${place}, or do without the call`;
  return { where: at, rule: 'call-without-grant', problem };
}

function unusedGrants(model: MeshModel, method: Method, used: ReadonlySet<string>): readonly Finding[] {
  const { policy, everybody, essential, path } = method;
  if (essential || (everybody && used.size > 0)) return [];
  const passedOn = openAt(model, method);
  const idle = everybody ? ['*'] : policy.callers.filter((each) => !used.has(each) && !passedOn.includes(each));
  return idle.map((caller) => ({
    where: path,
    rule: 'grant-without-call',
    problem: `is granted to "${caller}", but ${caller === '*' ? 'nobody calls' : 'it never calls'} it: take "${caller}" out of its callers`,
    source: method.sourceOf('callers'),
  }));
}

/** Each method answers a message of its own, so that this names it too. */
function methodOf({ methods }: MeshModel, name: string): Method | undefined {
  return methods.find(({ path, contract, name: own }) => {
    const answer = `${contract.slice(0, contract.lastIndexOf('.'))}.${own}Response`;
    return path === name || answer === name;
  });
}
