import type { TlsFiles } from './certificates.ts';

export const engineNames = ['postgres', 'redis', 'cassandra', 'elasticsearch', 'rabbitmq', 'kafka'] as const;

export type EngineName = (typeof engineNames)[number];

/** What `up` starts when nothing is named: Kafka is a second way for events, and off unless asked for. */
export const usualEngines = engineNames.filter((name) => name !== 'kafka');

/** Where one engine lives and what it is made of. All of it is this machine's, and its files are their owner's alone. */
export type Place = {
  readonly folder: string;
  /** By purpose, such as "tls" and "inner". */
  readonly ports: Readonly<Record<string, number>>;
  readonly tls: TlsFiles;
  /** Cassandra's; 1 for all others. */
  readonly nodes: number;
  /** The version asked for; undefined takes the recipe's own. */
  readonly version: string | undefined;
  /** A password, made at its first use and kept in a file. */
  secret(name: string): Promise<string>;
  /** Writes a file, for its owner only, whole or not at all; gives its path. */
  write(name: string, text: string): Promise<string>;
  /** Makes a folder; gives its path. */
  makeFolder(name: string): Promise<string>;
  say(text: string): void;
};

/** A process of an engine. */
export type ProcessPlan = {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Asks it to end in order: SIGTERM unless told. */
  readonly stopSignal?: NodeJS.Signals;
  /** Holds the number of the process that takes the signal, where that is not the command's own. */
  readonly pidFile?: string;
  /** Whether the next process may start; at once unless told. Given what it has written so far. */
  readonly isUp?: (log: string) => boolean;
};

/** How an engine is had, started and asked. */
export type Recipe = {
  readonly name: EngineName;
  readonly title: string;
  /** What it listens on unless told: the ports of `up`, none of which is the engine's usual one. */
  readonly ports: Readonly<Record<string, number>>;
  /** Megabytes that one node takes. */
  readonly memoryMb: number;
  /** How long a start may take on a busy machine. */
  readonly startWithinMs: number;
  /** Finds the programs, or installs them, writes their configuration, and says what to run, in this order. */
  plan(place: Place): Promise<readonly ProcessPlan[]>;
  /** Makes users, rights and topology. Repeatable; fails while the engine does not answer. */
  setUp(place: Place): Promise<void>;
  /** Signs in over TLS as a shop does, and gives the version. */
  check(place: Place): Promise<string>;
  /** What a shop sets to stand on it, and tests beside: a secret or a certificate as X_FILE. */
  variables(place: Place): Promise<Readonly<Record<string, string>>>;
  /** Removes what it keeps outside its folder. */
  purge?(folder: string): Promise<void>;
};
