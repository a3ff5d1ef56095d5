import { accessEdit, callersEdit, rolesEdit } from './edit.ts';
import { type Answer, answerOf, type Caller, type Question, type User } from '../matrix.ts';
import { edgesOf, type MeshModel, type Method } from '../model.ts';
import type { PolicyField } from '../read-policy.ts';
import { sourceText } from '../source.ts';
import { accessText } from './words.ts';

/** What somebody wants to know: may this caller call this method, for this user, or for whom? */
export type Asked = { readonly caller: Caller; readonly method: Method; readonly user: User | undefined };

/** What decided, where the contract says so, and how it would be granted. */
type Reason = { readonly rule: string; readonly at?: PolicyField; readonly why: string; readonly grant?: string };

/** The answer of the matrix, and why. `roles` are all that users can have. */
export function explain(
  model: MeshModel,
  roles: readonly string[],
  { caller, method, user }: Asked,
  protoRoot: string,
): { readonly allowed: boolean; readonly text: string } {
  const users: readonly User[] = user === undefined ? ['none', ...roles.map((role) => ({ role }))] : [user];
  const workload = method.servedBy.at(0) ?? '';
  const answers = users.map((each) => {
    const question: Question = { caller, method, workload, user: each };
    return { user: each, answer: answerOf(question), reason: reasonOf(model, question) };
  });
  const allowed = answers.some(({ answer }) => answer === 'allowed');
  const who = typeof caller === 'string' ? callerNames[caller] : caller.workload;
  const whom = user === undefined ? '' : ` for ${userText(user)}`;
  const verdict = `${allowed ? 'allowed' : 'refused'}: ${who} ${allowed ? 'may' : 'may not'} call ${method.path}${whom}\n`;
  const groups = answers.filter(
    (each) => each === answers.find((other) => other.reason.rule === each.reason.rule && other.answer === each.answer),
  );
  const parts = groups.map(({ answer, reason }) => {
    const same = answers.filter((each) => each.answer === answer && each.reason.rule === reason.rule);
    const named = groups.length > 1 ? `${same.map((each) => userText(each.user)).join(', ')}: ` : '';
    return reasonText(answer, reason, named, method, protoRoot);
  });
  return { allowed, text: `${verdict}${parts.join('')}` };
}

function reasonText(answer: Answer, reason: Reason, named: string, method: Method, protoRoot: string): string {
  const place = reason.at === undefined ? '' : `, ${sourceText(method.sourceOf(reason.at), protoRoot)}`;
  const code = codes[answer];
  return `  ${named}${code === '' ? 'allowed' : code} by the rule "${reason.rule}"${place}\n    ${reason.why}\n${answer === 'allowed' || reason.grant === undefined ? '' : `    ${reason.grant.replaceAll('\n', '\n    ')}\n`}`;
}

const codes: Readonly<Record<Answer, string>> = {
  allowed: '',
  denied: 'PERMISSION_DENIED',
  unauthenticated: 'UNAUTHENTICATED',
  rejected: 'no connection',
};

const callerNames = {
  stranger: 'a stranger with a certificate of the mesh',
  foreign: 'somebody with a certificate of another CA',
  anonymous: 'somebody without a certificate',
} as const;

/** In the order that answerOf decides in. */
function reasonOf(model: MeshModel, { caller, method, user }: Question): Reason {
  const { policy } = method;
  if (caller === 'foreign' || caller === 'anonymous') {
    return {
      rule: 'certificate',
      why: 'Only what the mesh’s own CA has certified gets a connection.',
      grant: 'Give it a certificate of the mesh’s CA, by the name that the contracts know it by.',
    };
  }
  if (caller === 'stranger') {
    return {
      rule: 'callers',
      at: 'callers',
      why: 'No contract knows it.',
      grant:
        'Let a contract name it as its workload, or list it in option (only2u.mesh.v1.mesh); then grant it the call.',
    };
  }
  if (!policy.callers.includes(caller.workload)) {
    return {
      rule: 'callers',
      at: 'callers',
      why: `It is granted to ${policy.callers.join(', ') || 'nobody'}.`,
      grant: `${callersEdit(method, caller.workload)}${edgeNeeds(model, method, caller.workload)}`,
    };
  }
  if (user === 'expired' || user === 'forged') {
    return {
      rule: 'token',
      why: 'A token that is over, or that another key signed, is refused by every method.',
      grant: 'Refresh the session, or send no token where none is asked for.',
    };
  }
  if (policy.access === 'public' || policy.access === 'internal') {
    const inside =
      policy.access === 'internal' && edgesOf(model).includes(caller.workload)
        ? ' The edge itself may: it passes nothing internal on from outside.'
        : '';
    const says = policy.access === 'public' ? 'It is for anybody, signed in or not.' : 'The callers alone decide.';
    return { rule: 'access', at: 'access', why: `${says}${inside}` };
  }
  if (user === 'none') {
    return {
      rule: 'access',
      at: 'access',
      why: `It is for ${accessText(policy)}.`,
      grant: `Sign in, or open it to everybody.\n${accessEdit(method, 'public')}`,
    };
  }
  if (policy.access === 'user') return { rule: 'access', at: 'access', why: `It is for ${accessText(policy)}.` };
  return {
    rule: 'roles',
    at: policy.access === 'roles' ? 'roles' : 'access',
    why: `It is for ${accessText(policy)}.`,
    grant: policy.access === 'roles' ? rolesEdit(method, user.role) : accessEdit(method, 'user'),
  };
}

/** What the lints would ask for next. */
function edgeNeeds(model: MeshModel, { policy }: Method, caller: string): string {
  if (!edgesOf(model).includes(caller)) return '';
  const counted = policy.limits.some(({ scope }) => scope === 'address' || scope === 'user');
  const needs = [
    ...(policy.access === 'internal' ? ['an access other than ACCESS_INTERNAL'] : []),
    ...(counted ? [] : ['rate_limits by address or user']),
  ];
  return needs.length === 0 ? '' : `\nWhat is open to the edge needs ${needs.join(' and ')}, too.`;
}

function userText(user: User): string {
  if (typeof user !== 'string') return user.role;
  return user === 'none' ? 'a guest' : `${user} token`;
}
