import type { MethodPolicy, RateLimit } from '../read-policy.ts';

/** "5s", "2min", "300ms": as short as it goes. */
export function durationText(ms: number): string {
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000}min`;
  return ms >= 1_000 ? `${ms / 1_000}s` : `${ms}ms`;
}

/** "60/1min per user" */
export function limitText({ scope, requests, windowMs }: RateLimit): string {
  return `${requests}/${durationText(windowMs)} per ${scope}`;
}

/** Whom it serves, such as "any signed-in user" or "users who are admin or vendor". */
export function accessText({ access, roles }: Pick<MethodPolicy, 'access' | 'roles'>): string {
  switch (access) {
    case 'public':
      return 'anybody, signed in or not';
    case 'user':
      return 'any signed-in user';
    case 'roles':
      return roles.length === 0 ? 'nobody: no role is named' : `users who are ${roles.join(' or ')}`;
    case 'internal':
      return 'no user is asked for';
    case 'unspecified':
      return 'nobody: no access is said';
  }
}
