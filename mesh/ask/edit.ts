import type { Method } from '../model.ts';
import type { PolicyField } from '../read-policy.ts';
import { sourceText } from '../source.ts';

const accessNames = {
  public: 'ACCESS_PUBLIC',
  user: 'ACCESS_USER',
  roles: 'ACCESS_ROLES',
  internal: 'ACCESS_INTERNAL',
} as const;

/** What to write to grant a workload the call. */
export function callersEdit(method: Method, caller: string): string {
  const { callers } = method.policy;
  return editText(method, 'callers', listLines('callers', callers), listLines('callers', [...callers, caller]));
}

/** What to write to let users with a role in. */
export function rolesEdit(method: Method, role: string): string {
  const { roles } = method.policy;
  return editText(method, 'roles', listLines('roles', roles), listLines('roles', [...roles, role]));
}

/** What to write to open a method to more users. Roles go with the access that they belong to. */
export function accessEdit(method: Method, access: 'public' | 'user'): string {
  const { access: old, roles } = method.policy;
  const before = [...(old === 'unspecified' ? [] : [`access: ${accessNames[old]}`]), ...listLines('roles', roles)];
  return editText(method, 'access', before, [`access: ${accessNames[access]}`]);
}

/** As buf formats it: more than one stand a line each. */
function listLines(field: string, names: readonly string[]): readonly string[] {
  const quoted = [...new Set(names)].sort().map((name) => `"${name}"`);
  if (quoted.length <= 1) return quoted.map((name) => `${field}: [${name}]`);
  return [`${field}: [`, ...quoted.map((name, index) => `  ${name}${index < quoted.length - 1 ? ',' : ''}`), ']'];
}

function editText(method: Method, field: PolicyField, before: readonly string[], after: readonly string[]): string {
  const said = method.sourceOf(field);
  // A service's defaults stand above its methods: what they say is for all of them, and this is about one.
  const byDefault = said.line < method.source.line;
  const place = sourceText(byDefault ? method.source : said);
  const gone = byDefault ? [] : before.map((line) => `- ${line}`);
  const where = byDefault || before.length === 0 ? ', in option (only2u.mesh.v1.method)' : '';
  return [`To grant it, in ${place}${where}:`, ...gone, ...after.map((line) => `+ ${line}`)].join('\n');
}
