import { invalidField, Fault } from '#platform/fault.ts';

/** What an account may be, beside a person; in tokens and policies it is written like this. */
export const roles = ['customer', 'vendor', 'influencer', 'reseller', 'admin'] as const;
export type Role = (typeof roles)[number];

/**
 * The account that owns what the operator's commands write. Migration 0001 makes it; having neither address nor password,
 * nobody can sign in as it, and the only tokens of it are those of OperatorService.IssueToken.
 */
export const houseAccountId = 'usr_house';
/** The house has no stored session: its tokens can't be refreshed, only issued again. */
export const houseSessionId = 'ses_house';

/** An account that has not been deleted. */
export type Account = {
  /** "usr_…" */
  readonly id: string;
  /** As it was typed; "" for the house. */
  readonly email: string;
  readonly emailVerified: boolean;
  readonly displayName: string;
  /** In the order of `roles`, without doubles, always with "customer". */
  readonly roles: readonly Role[];
  readonly createTime: Date;
  readonly updateTime: Date;
  /** Grows with each change; its text is the etag. */
  readonly revision: number;
};

export type NewAccount = {
  readonly id: string;
  readonly email: string;
  readonly displayName: string;
  readonly roles?: readonly Role[];
};

export function createAccount({ id, email, displayName, roles = [] }: NewAccount, now: Date): Account {
  return {
    id,
    email: email.trim(),
    emailVerified: false,
    displayName: acceptDisplayName(displayName, 'display_name'),
    roles: orderRoles(roles),
    createTime: now,
    updateTime: now,
    revision: 1,
  };
}

/**
 * The form in which two spellings of an address are one. Case of the local part is ignored: no provider of note gives
 * "Ann@" and "ann@" to different people, and people type both.
 */
export function normaliseEmail(email: string): string {
  return email.normalize('NFKC').trim().toLowerCase();
}

export function acceptDisplayName(name: string, field: string): string {
  const trimmed = name.normalize('NFC').trim();
  if (trimmed === '') throw invalidField(field, 'NAME_EMPTY', 'write a name that is not only spaces');
  if (/[\p{Cc}\u202A-\u202E\u2066-\u2069]/u.test(trimmed)) {
    throw invalidField(field, 'NAME_HAS_CONTROL_CHARACTERS', 'leave out control characters');
  }
  return trimmed;
}

/** Whose account a caller may read or change: its own, and an admin everybody's. Told without looking whether it exists. */
export function assertMayManage(
  caller: { readonly id: string; readonly roles: readonly string[] },
  userId: string,
): void {
  if (caller.id === userId || caller.roles.includes('admin')) return;
  throw new Fault('permission-denied', 'NOT_YOUR_ACCOUNT', 'This is not your account. Use "me" for your own.', {
    metadata: { user_id: userId },
  });
}

export type AccountChange = { readonly displayName?: string; readonly roles?: readonly Role[] };

/** The account with the change. Answers the same object when nothing changes, so that its etag stays. */
export function changeAccount(account: Account, change: AccountChange, now: Date): Account {
  const displayName =
    change.displayName === undefined ? account.displayName : acceptDisplayName(change.displayName, 'user.display_name');
  const newRoles = change.roles === undefined ? account.roles : orderRoles(change.roles);
  if (displayName === account.displayName && newRoles.join() === account.roles.join()) return account;
  return { ...account, displayName, roles: newRoles, updateTime: now, revision: account.revision + 1 };
}

export function grantRole(account: Account, role: Role, now: Date): Account {
  return changeAccount(account, { roles: [...account.roles, role] }, now);
}

function orderRoles(given: readonly Role[]): Role[] {
  return roles.filter((role) => role === 'customer' || given.includes(role));
}

/** Refuses a change to something that has changed since the caller saw it. An empty etag asks for no such check. */
export function assertEtag(sent: string, revision: number): void {
  if (sent === '' || sent === String(revision)) return;
  throw new Fault(
    'aborted',
    'ETAG_MISMATCH',
    'It has changed since you read it. Read it again, then repeat your change.',
    {
      metadata: { etag: sent },
    },
  );
}
