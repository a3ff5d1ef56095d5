import { methodRule, type Rule, when } from './rule.ts';
import { edgesOf, grantedTo, type MeshModel } from '../model.ts';
import { didYouMean } from '../ask/near.ts';

/** Rules about the end users that a method serves. */
export const userRules = {
  access: methodRule('a method says which users may call it', ({ policy }) =>
    when(
      policy.access === 'unspecified' && (policy.callers.length > 0 || policy.timeoutMs !== undefined),
      'access',
      'says no access: add ACCESS_PUBLIC, ACCESS_USER, ACCESS_ROLES or, where no edge comes, ACCESS_INTERNAL',
    ),
  ),
  'internal-at-edge': methodRule(
    'what asks for no user is not open to the edge',
    ({ policy, everybody }, { model }) => {
      const edges = edgesOf(model).filter((edge) => policy.callers.includes(edge));
      return when(
        policy.access === 'internal' && !everybody && edges.length > 0,
        'access',
        `is ACCESS_INTERNAL, yet open to ${edges.join(' and ')}: take the edge from its callers, or say ACCESS_PUBLIC`,
      );
    },
  ),
  roles: methodRule('roles come with ACCESS_ROLES, and only then', ({ policy: { access, roles } }) => [
    ...when(
      access === 'roles' && roles.length === 0,
      'access',
      'is ACCESS_ROLES without roles, so that nobody may: name them, or say ACCESS_USER',
    ),
    ...when(
      access !== 'roles' && access !== 'unspecified' && roles.length > 0,
      'roles',
      `names roles that nothing asks for (${roles.join(', ')}): say ACCESS_ROLES, or take them away`,
    ),
  ]),
  'unknown-role': methodRule('a role is one that users can have', ({ policy }, { roles }) =>
    policy.roles
      .filter((role) => !roles.includes(role))
      .map((role) => [
        'roles',
        `asks for the unknown role ${role}${didYouMean(role, roles) || `: there are ${roles.join(', ')}`}`,
      ]),
  ),
  'no-user': methodRule('a method that asks for a user can be reached by one', ({ policy }, { model }) => {
    const asks = policy.access === 'user' || policy.access === 'roles';
    const carriers = carriersOf(model);
    return when(
      asks && policy.callers.length > 0 && !policy.callers.some((caller) => carriers.has(caller)),
      'access',
      `asks for a user, but none comes through ${policy.callers.join(' or ')}: no edge leads there. Say ACCESS_INTERNAL, or open the way`,
    );
  }),
} as const satisfies Readonly<Record<string, Rule>>;

/**
 * The workloads that can have a user's token to pass on: edges, clients (who sign in themselves), and what one of these may call
 * for a user, by any number of steps. Internal methods are sent no token, and what
 * every workload serves is for the mesh alone.
 */
function carriersOf(model: MeshModel): ReadonlySet<string> {
  const carriers = new Set(model.workloads.filter(({ kind }) => kind !== 'service').map(({ name }) => name));
  for (const carrier of carriers) {
    // What is added on the way is visited too: a Set's iteration goes on to it.
    for (const { policy, servedBy } of grantedTo(model, carrier)) {
      if (policy.access !== 'internal' && servedBy.length === 1) servedBy.forEach((workload) => carriers.add(workload));
    }
  }
  return carriers;
}
