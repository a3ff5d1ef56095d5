import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { OnceOptions } from '#platform/request-id.postgres.ts';
import type { Account } from './account.ts';
import type { Address } from './address.ts';
import type { Attempts } from './attempts.ts';
import type { Session } from './session.ts';
import type { SigningKey } from './signing-key.ts';

/** Where a page goes on: after this one, in the order of the list. */
export type Page<C> = { readonly after: C | undefined; readonly limit: number };

/** What an account is found by: several share an address, no two share both. */
export type Credentials = { readonly email: string; readonly passwordHash: Buffer };

export type AccountCursor = Pick<Account, 'id' | 'createTime'>;

/** Accounts. A deleted one is answered by none of these. */
export type Accounts = {
  get(id: string): Promise<Account | undefined>;
  /** Those that exist, in any order. */
  getAll(ids: readonly string[]): Promise<Account[]>;
  /** The latest first. */
  list(page: Page<AccountCursor>): Promise<Account[]>;
  /** In a transaction: nobody else changes it until the end. */
  lock(id: string): Promise<{ readonly account: Account; readonly passwordHash: Buffer | undefined } | undefined>;
  /** In a transaction: neither its password nor the account itself goes away until the end. */
  hold(credentials: Credentials): Promise<Account | undefined>;
  /** Adds it, or does nothing when there is one with these credentials. Answers whether it was added. */
  add(account: Account, credentials: Credentials): Promise<boolean>;
  save(account: Account): Promise<void>;
  /** Throws already-exists when another account has these credentials. */
  setPassword(account: Account, credentials: Credentials): Promise<void>;
  /** Erases every personal datum of it, with its sessions and addresses. The id stays, and is never given again. Answers which sessions there were. */
  erase(id: string, now: Date): Promise<string[]>;
};

/** Which sign-in or sign-up opened a session. */
export type Opening = { readonly requestId: string; readonly fingerprint: Buffer };

export type Sessions = {
  /** Adds it, or answers the one that the same request of the same account opened before. */
  add(session: Session, opening: Opening): Promise<{ readonly session: Session; readonly fingerprint: Buffer }>;
  /** With its account, unless that was deleted. */
  get(id: string): Promise<{ readonly session: Session; readonly account: Account } | undefined>;
  /** Puts `to` in the place of `from`; false when it has ended or moved on since. */
  rotate(from: Session, to: Session): Promise<boolean>;
  /** The account's open sessions, the latest first. */
  list(userId: string, page: Page<string>, now: Date): Promise<Session[]>;
  /** False when the account has no such open session. */
  end(session: Pick<Session, 'id' | 'userId'>, now: Date): Promise<boolean>;
  /** Answers which it ended. */
  endOthers(session: Pick<Session, 'id' | 'userId'>, now: Date): Promise<string[]>;
  /** Ends all but the `keep` latest. Answers which. */
  endOldest(userId: string, keep: number, now: Date): Promise<string[]>;
};

/** Addresses; those of another account are as good as absent. */
export type Addresses = {
  find(userId: string, id: string): Promise<Address | undefined>;
  lock(userId: string, id: string): Promise<Address | undefined>;
  /** The latest first. */
  list(userId: string, page: Page<string>): Promise<Address[]>;
  count(userId: string): Promise<number>;
  add(address: Address): Promise<void>;
  save(address: Address): Promise<void>;
  remove(userId: string, id: string): Promise<void>;
};

export type SigningKeys = {
  list(): Promise<SigningKey[]>;
  /** In a transaction: no other process plans keys until the end. */
  lock(): Promise<void>;
  add(key: SigningKey): Promise<void>;
  setSignsFrom(id: string, signsFrom: Date): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
};

/** Failed sign-ins by opaque keys. */
export type AttemptCounts = {
  /** In a transaction: each key's count, and nobody else counts them until the end. */
  lock(keys: readonly Buffer[]): Promise<(Attempts | undefined)[]>;
  save(counts: readonly { readonly key: Buffer; readonly attempts: Attempts }[]): Promise<void>;
};

export type Tables = {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly addresses: Addresses;
  readonly signingKeys: SigningKeys;
  readonly attempts: AttemptCounts;
};

/** What the other services are told of an account. */
export type UserEvent = { readonly kind: 'created' | 'deleted'; readonly userId: string; readonly time: Date };

export type Transaction = Tables & {
  /** Does the work, or answers what it answered the first time. Throws already-exists for an id used for another request. */
  once<S extends DescMessage>(what: OnceOptions<S>, work: () => Promise<MessageShape<S>>): Promise<MessageShape<S>>;
  /** Tells the other services, if and when the transaction is committed. */
  publish(event: UserEvent): Promise<void>;
  /** Forgets the answers kept for an account’s requests, but not the one being answered. */
  forgetReplays(actor: string, exceptRequestId: string): Promise<void>;
};

export type UserStore = Tables & {
  /** Does all of the work or, when it throws, none of it. The work may run again, so it does nothing but ask `tx`. */
  change<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Deletes what is over: sessions, counts of attempts. */
  sweep(now: Date): Promise<void>;
  close(): Promise<void>;
};
