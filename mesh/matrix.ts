import type { MeshModel, Method } from './model.ts';

/**
 * Who calls. A stranger has a certificate of the mesh's CA with a name that no contract knows; "foreign" one of another CA with
 * the name of a workload that is granted; "anonymous" none.
 */
export type Caller = { readonly workload: string } | 'stranger' | 'foreign' | 'anonymous';

/** For whom: nobody, a user with one role, or somebody with a token that is over or that another key signed. */
export type User = { readonly role: string } | 'none' | 'expired' | 'forged';

/** One cell of the matrix: may this caller call this method, at this workload, for this user? */
export type Question = {
  readonly caller: Caller;
  readonly method: Method;
  /** Which of those that serve it. */
  readonly workload: string;
  readonly user: User;
};

/**
 * What a plane says: "rejected" before there is a connection, "denied" as PERMISSION_DENIED, "unauthenticated" as
 * UNAUTHENTICATED. The three are one, "refused", for a plane that can't tell them apart.
 */
export type Answer = 'allowed' | 'denied' | 'unauthenticated' | 'rejected';

/** Something that decides about calls: a real Envoy, the process itself, an evaluator of what Istio would read. */
export type Plane = {
  readonly name: string;
  ask(question: Question): Promise<Answer>;
  close(): Promise<void>;
};

/** What the contract says. First the certificate, then the caller, then the token if there is one, then the user. */
export function answerOf({ caller, method, user }: Question): Answer {
  if (caller === 'foreign' || caller === 'anonymous') return 'rejected';
  const { callers, access, roles } = method.policy;
  if (caller === 'stranger' || !callers.includes(caller.workload)) return 'denied';
  if (user === 'expired' || user === 'forged') return 'unauthenticated'; // a bad token is refused everywhere
  if (access === 'public' || access === 'internal') return 'allowed';
  if (user === 'none') return 'unauthenticated';
  if (access === 'user') return 'allowed';
  return roles.includes(user.role) ? 'allowed' : 'denied';
}

/** Every caller × every method at every workload that serves it × every user. `roles` are all that there are. */
export function questionsOf(model: MeshModel, roles: readonly string[]): Question[] {
  const callers: Caller[] = [
    ...model.workloads.map(({ name }) => ({ workload: name })),
    'stranger',
    'foreign',
    'anonymous',
  ];
  const users: User[] = ['none', ...roles.map((role) => ({ role })), 'expired', 'forged'];
  return model.methods.flatMap((method) =>
    method.servedBy.flatMap((workload) =>
      callers.flatMap((caller) => users.map((user) => ({ caller, method, workload, user }))),
    ),
  );
}

/** "order for a vendor: only2u.payment.v1.PaymentService/CreatePayment" */
export function questionText({ caller, method, workload, user }: Question): string {
  const who = typeof caller === 'string' ? caller : caller.workload;
  const whom = typeof user === 'string' ? user : user.role;
  const where = method.servedBy.length > 1 ? ` at ${workload}` : '';
  return `${who} for ${whom}: ${method.path}${where}`;
}
