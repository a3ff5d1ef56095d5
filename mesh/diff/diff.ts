import type { Change, Part } from './change.ts';
import { eventChanges } from './events.ts';
import { limitChanges } from './limits.ts';
import { userChanges, usersOf } from './users.ts';
import { type MeshModel, type Method, openAt } from '../model.ts';
import { accessText } from '../ask/words.ts';

/** The contracts of one side. */
export type Side = { readonly model: MeshModel; readonly roles: readonly string[] };

/** All that changed from one to the other, in order of what it is about. */
export function diff(before: Side, after: Side): readonly Change[] {
  const roles = [...new Set([...before.roles, ...after.roles])];
  return [
    ...workloadChanges(before.model, after.model, roles),
    ...methodChanges(before.model, after.model, roles),
    ...eventChanges(before.model, after.model),
  ];
}

function workloadChanges(before: MeshModel, after: MeshModel, roles: readonly string[]): readonly Change[] {
  const about = (
    name: string,
    effect: Change['effect'],
    verb: string,
    { name: subject, kind, source }: MeshModel['workloads'][number],
  ): Change => ({
    name,
    effect,
    subject,
    detail: '',
    text: `${verb} ${kind === 'edge' ? 'an' : 'a'} ${kind}`,
    source,
  });
  const widely = ({ methods }: MeshModel) =>
    isUsable(
      methods.filter(({ everybody }) => everybody),
      roles,
    );
  const joined = after.workloads.filter(({ name }) => !before.workloads.some((each) => each.name === name));
  const left = before.workloads.filter(({ name }) => !after.workloads.some((each) => each.name === name));
  const turned = after.workloads.filter((now) =>
    before.workloads.some(({ name, kind }) => name === now.name && kind !== now.kind),
  );
  return [
    ...joined.map((each) =>
      about(
        'workload-added',
        widely(after) ? 'loosens' : 'neither',
        'may call what is granted to "*": it joins the mesh as',
        each,
      ),
    ),
    ...left.map((each) =>
      about('workload-removed', widely(before) ? 'tightens' : 'neither', 'leaves the mesh, where it was', each),
    ),
    ...turned.map((each) =>
      about('workload-turned', each.kind === 'edge' ? 'loosens' : 'neither', 'was of another kind: it is', each),
    ),
  ];
}

function methodChanges(before: MeshModel, after: MeshModel, roles: readonly string[]): readonly Change[] {
  const [were, are] = [before, after].map(byContract);
  const contracts = [...new Set([...(were?.keys() ?? []), ...(are?.keys() ?? [])])].sort();
  return contracts.flatMap((contract) => {
    const [old, fresh] = [were?.get(contract) ?? [], are?.get(contract) ?? []];
    if (old.length === 0) return [added('contract-added', contract, after, fresh, roles)];
    if (fresh.length === 0) return [removed('contract-removed', contract, old, roles)];
    return [...new Set([...old, ...fresh].map(({ path }) => path))].sort().flatMap((path) => {
      const [was, now] = [old, fresh].map((methods) => methods.find((each) => each.path === path));
      if (now === undefined) return was === undefined ? [] : [removed('method-removed', path, [was], roles)];
      if (was === undefined) return [added('method-added', path, after, [now], roles)];
      if (was.essential && now.essential) return [];
      const parts = [...moved(was, now), ...userChanges(before, was, after, now, roles), ...limitChanges(was, now)];
      return parts.map((part) => ({ ...part, subject: path }));
    });
  });
}

function byContract({ methods }: MeshModel): ReadonlyMap<string, readonly Method[]> {
  return Map.groupBy(methods, ({ contract }) => contract);
}

/** A contract that is new as a whole is one change: who lets it in has read it. */
function added(
  name: string,
  subject: string,
  model: MeshModel,
  methods: readonly Method[],
  roles: readonly string[],
): Change {
  const callers = new Set(methods.flatMap(({ policy, everybody }) => (everybody ? ['*'] : policy.callers)));
  const open = methods.filter((method) => openAt(model, method).length > 0).length;
  const users = [...new Set(methods.map(({ policy }) => accessText(policy)))].join('; ');
  const count = methods.length === 1 ? '' : ` with ${methods.length} methods`;
  const atEdge = open === 0 ? '' : `, ${methods.length === 1 ? 'and so open' : `${open} of them open`} to the edge`;
  return {
    name,
    effect: isUsable(methods, roles) ? 'loosens' : 'neither',
    subject,
    detail: '',
    text: `is new${count}, for ${[...callers].sort().join(', ') || 'nobody'}${atEdge}; users: ${users}`,
    source: methods[0]?.source ?? { file: '', line: 0 },
  };
}

function removed(name: string, subject: string, methods: readonly Method[], roles: readonly string[]): Change {
  const effect = isUsable(methods, roles) ? 'tightens' : 'neither';
  return { name, effect, subject, detail: '', text: 'is gone', source: methods[0]?.source ?? { file: '', line: 0 } };
}

/** Whether anybody may call one of them. */
function isUsable(methods: readonly Method[], roles: readonly string[]): boolean {
  return methods.some((method) => method.policy.callers.length > 0 && usersOf(method, roles).length > 0);
}

function moved(was: Method, now: Method): Part[] {
  const to = now.servedBy.filter((each) => !was.servedBy.includes(each));
  const from = was.servedBy.filter((each) => !now.servedBy.includes(each));
  // What every workload serves comes with each of them.
  if (to.length === 0 || from.length === 0) return [];
  const text = `is served by ${to.join(', ')}, no longer by ${from.join(', ')}`;
  return [{ name: 'moved', effect: 'neither', detail: to.join(','), text, source: now.source }];
}
