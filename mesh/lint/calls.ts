import type { Found, Linted, Rule } from './rule.ts';
import { grantedTo, type MeshModel, type Method, servedBy } from '../model.ts';
import { sourceText } from '../source.ts';
import { durationText } from '../ask/words.ts';

/** Rules about calls that call others. */
export const callRules = {
  budget: { about: 'whoever is granted a call can wait for it, down every path', find: budgetProblems },
  cycle: { about: 'no workload calls itself, through however many others', find: cycleProblems },
} as const satisfies Readonly<Record<string, Rule>>;

/** What a service of the shop may ask of another. What is granted to "*" (keys, health) is the platform's, beside all calls. */
function isCall({ essential, everybody }: Method): boolean {
  return !essential && !everybody;
}

/**
 * A contract doesn't say which method calls which, but a service calls others while it serves a call: if none of its own methods
 * may take as long as what it is granted, the rest of that timeout is never waited for. What handles events has no caller who
 * waits, but no user either.
 */
function budgetProblems({ model }: Linted): readonly Found[] {
  const budgets = budgetsOf(model);
  return model.workloads.flatMap(({ name, kind }) => {
    if (kind !== 'service') return [];
    const longest = longestOf(model, name, budgets);
    return grantedTo(model, name).flatMap((method) => {
      const { timeoutMs } = method.policy;
      if (!isCall(method) || timeoutMs === undefined || waitOf(model, name, method, budgets) >= timeoutMs) return [];
      const most =
        longest === undefined
          ? 'no method of its own'
          : `no more than ${durationText(longest.ms)} for a call of its own (${longest.method.path})`;
      return {
        where: method.path,
        source: method.sourceOf('timeout'),
        problem: `may take ${durationText(timeoutMs)}, but ${name}, which is granted it, has ${most}: it gives up before. Lower this timeout, or raise that one`,
      };
    });
  });
}

type Budgets = ReadonlyMap<Method, number>;

/** How long a call of each method is waited for: its own timeout, or less where all its callers have less. */
function budgetsOf(model: MeshModel): Budgets {
  const budgets = new Map(model.methods.map((method) => [method, method.policy.timeoutMs ?? Infinity]));
  // Each round takes what the one before allowed; every change is down to another's budget, and so they end.
  for (let changed = true; changed;) {
    changed = false;
    for (const method of model.methods.filter(isCall)) {
      const waits = method.policy.callers.map((caller) => waitOf(model, caller, method, budgets));
      const budget = Math.min(budgets.get(method) ?? Infinity, Math.max(...(waits.length === 0 ? [Infinity] : waits)));
      changed ||= budget < (budgets.get(method) ?? Infinity);
      budgets.set(method, budget);
    }
  }
  return budgets;
}

/** The longest that a caller waits for a call of the method. */
function waitOf(model: MeshModel, caller: string, { policy }: Method, budgets: Budgets): number {
  if (model.workloads.find(({ name }) => name === caller)?.kind !== 'service') return Infinity;
  const needsUser = policy.access === 'user' || policy.access === 'roles';
  if (!needsUser && model.events.some(({ subscribers }) => subscribers.includes(caller))) return Infinity;
  return longestOf(model, caller, budgets)?.ms ?? 0;
}

function longestOf(model: MeshModel, workload: string, budgets: Budgets) {
  const own = servedBy(model, workload).filter((method) => isCall(method) && method.servedBy.length === 1);
  return own
    .map((method) => ({ method, ms: budgets.get(method) ?? Infinity }))
    .sort((a, b) => b.ms - a.ms)
    .at(0);
}

type Step = { readonly to: string; readonly by: Method };

function cycleProblems({ model }: Linted): readonly Found[] {
  const found = new Map<string, Found>();
  for (const { name } of model.workloads) {
    const steps = shortestCycle(model, name);
    const [first] = steps;
    if (first === undefined) continue;
    const key = steps
      .map(({ to }) => to)
      .sort()
      .join(' ');
    const way = steps.map(({ to, by }) => `${to} (${by.path}, ${sourceText(by.sourceOf('callers'))})`);
    if (!found.has(key))
      found.set(key, {
        where: name,
        source: first.by.sourceOf('callers'),
        problem: `may call itself: ${name} → ${way.join(' → ')}. Take one of these grants away: let it hear of an event instead, or be handed what it would ask for`,
      });
  }
  return [...found.values()];
}

/** The shortest way of grants from a workload back to itself. */
function shortestCycle(model: MeshModel, start: string): readonly Step[] {
  const waiting: (readonly Step[])[] = [[]];
  const seen = new Set<string>();
  for (const way of waiting) {
    for (const step of stepsFrom(model, way.at(-1)?.to ?? start)) {
      if (step.to === start) return [...way, step];
      if (seen.has(step.to)) continue;
      seen.add(step.to);
      waiting.push([...way, step]);
    }
  }
  return [];
}

function stepsFrom(model: MeshModel, workload: string): Step[] {
  return grantedTo(model, workload)
    .filter(isCall)
    .flatMap((by) => by.servedBy.map((to) => ({ to, by })));
}
