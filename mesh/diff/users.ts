import type { Change, Part } from './change.ts';
import { answerOf, type User } from '../matrix.ts';
import type { MeshModel, Method } from '../model.ts';
import type { PolicyField } from '../read-policy.ts';
import { accessText } from '../ask/words.ts';

/**
 * What changed about who may call a method and for whom. Whether it loosens is asked of the matrix, so that it says what every
 * plane does: ACCESS_PUBLIC and ACCESS_INTERNAL ask for no user both, and a caller of what nobody may use gains nothing.
 */
export function userChanges(
  before: MeshModel,
  was: Method,
  after: MeshModel,
  now: Method,
  roles: readonly string[],
): readonly Part[] {
  return [...callerChanges(before, was, after, now, roles), ...accessChanges(was, now, roles)];
}

/** Who joins or leaves the mesh is told once, not with each method that is granted to "*". */
function callersOf({ everybody, policy }: Method, model: MeshModel, other: MeshModel): readonly string[] {
  if (!everybody) return policy.callers;
  return [
    '*',
    ...model.workloads.map(({ name }) => name).filter((name) => other.workloads.some((each) => each.name === name)),
  ];
}

function callerChanges(
  before: MeshModel,
  was: Method,
  after: MeshModel,
  now: Method,
  roles: readonly string[],
): Part[] {
  const [old, fresh] = [callersOf(was, before, after), callersOf(now, after, before)];
  const gained = now.everybody && !was.everybody ? ['*'] : fresh.filter((each) => !old.includes(each));
  const lost = was.everybody && !now.everybody ? ['*'] : old.filter((each) => !fresh.includes(each));
  // Of "*" no more, some stay by name: they have lost nothing. To "*" from a few, only the others gain.
  const gains = (caller: string) =>
    usersOf(now, roles).length > 0 &&
    (caller !== '*' || after.workloads.some(({ name }) => !was.policy.callers.includes(name)));
  const loses = (caller: string) =>
    usersOf(was, roles).length > 0 &&
    (caller !== '*' || before.workloads.some(({ name }) => !now.policy.callers.includes(name)));
  const stay = now.policy.callers.join(', ') || 'nobody';
  const source = now.sourceOf('callers');
  return [
    ...gained.map((caller): Part => {
      const text = `may be called by ${caller === '*' ? 'every workload' : caller}`;
      return { name: 'caller-added', effect: gains(caller) ? 'loosens' : 'neither', detail: caller, text, source };
    }),
    ...lost.map((caller): Part => {
      const text =
        caller === '*'
          ? `may be called by ${stay} alone, no longer by every workload`
          : `may no longer be called by ${caller}`;
      return { name: 'caller-removed', effect: loses(caller) ? 'tightens' : 'neither', detail: caller, text, source };
    }),
  ];
}

function accessChanges(was: Method, now: Method, roles: readonly string[]): Part[] {
  const [old, fresh] = [usersOf(was, roles), usersOf(now, roles)];
  const gained = fresh.filter((each) => !old.includes(each));
  const lost = old.filter((each) => !fresh.includes(each));
  // A gain of users is one only if somebody may call for them.
  const opens: Change['effect'] =
    gained.length === 0 ? 'neither' : now.policy.callers.length > 0 ? 'loosens' : 'neither';
  const closes: Change['effect'] =
    lost.length === 0 ? 'neither' : was.policy.callers.length > 0 ? 'tightens' : 'neither';
  const part = (name: string, effect: Change['effect'], detail: string, text: string, at: PolicyField): Part => ({
    name,
    effect,
    detail,
    text,
    source: now.sourceOf(at),
  });
  if (was.policy.access === now.policy.access) {
    return [
      ...gained.map((role) => part('role-added', opens, role, `may be called for users who are ${role}`, 'roles')),
      ...lost.map((role) =>
        part('role-removed', closes, role, `may no longer be called for users who are ${role}`, 'roles'),
      ),
    ];
  }
  const text = `was for ${accessText(was.policy)}; now for ${accessText(now.policy)}`;
  const detail = [now.policy.access, ...(now.policy.access === 'roles' ? now.policy.roles : [])].join(',');
  if (gained.length > 0 && lost.length > 0) {
    return [
      part('access-opened', opens, detail, text, 'access'),
      part('access-closed', closes, detail, text, 'access'),
    ];
  }
  if (gained.length > 0) return [part('access-opened', opens, detail, text, 'access')];
  return [part(lost.length > 0 ? 'access-closed' : 'access-changed', closes, detail, text, 'access')];
}

/** For whom a granted caller may call: roles, and "none" for whoever has not signed in. */
export function usersOf(method: Method, roles: readonly string[]): readonly string[] {
  const caller = { workload: 'somebody' };
  const granted = { ...method, policy: { ...method.policy, callers: [caller.workload] } };
  const users: readonly User[] = ['none', ...roles.map((role) => ({ role }))];
  return users
    .filter((user) => answerOf({ caller, method: granted, workload: '', user }) === 'allowed')
    .map((user) => (typeof user === 'string' ? user : user.role));
}
