import { codeOf } from '#platform/error-code.ts';
import { StartError } from '#platform/start-error.ts';

/** Packages of the system that an engine needs, which only root may install, and this process is not root. */
export class MissingPackages extends StartError {
  readonly packages: readonly string[];

  constructor(packages: readonly string[], options?: ErrorOptions) {
    super(askFor(packages), options);
    this.name = 'MissingPackages';
    this.packages = packages;
  }
}

/** One line that says what to run, and as whom. */
function askFor(packages: readonly string[]): string {
  const list = [...new Set(packages)].join(' ');
  return `Only root can install what is missing. As root: apt-get update && apt-get install --yes --no-install-recommends ${list}; then start again, as yourself.`;
}

export type Failure = { readonly title: string; readonly error: unknown };

/** What is said of the engines that did not come up: one line for all packages that are missing, then each other reason. A bug is given as it is. */
export function failureOf(all: readonly Failure[]): unknown {
  const failures = all.map(({ title, error }) => ({ title, error: orNotOurs(error) }));
  const bug = failures.find(({ error }) => !(error instanceof StartError));
  if (bug !== undefined) return bug.error;
  const missing = failures.flatMap(({ title, error }) => (error instanceof MissingPackages ? [{ title, error }] : []));
  const others = failures.flatMap(({ error }) =>
    error instanceof StartError && !(error instanceof MissingPackages) ? [error.message] : [],
  );
  const titles = missing.map(({ title }) => title).join(', ');
  const first = missing.length === 0 ? [] : [`${titles}: ${askFor(missing.flatMap(({ error }) => error.packages))}`];
  return new StartError([...first, ...others].join('\n\n'), { cause: failures[0]?.error });
}

/** What another user owns, such as what root began here, in one line; any other error is given as it is. */
export function orNotOurs(error: unknown): unknown {
  if (!(error instanceof Error) || codeOf(error) !== 'EACCES') return error;
  const place = 'path' in error && typeof error.path === 'string' ? error.path : error.message;
  return new StartError(
    `${place} belongs to another user: start as that user, or hand the folder over (as root: chown -R), or give another with --data DIR.`,
    { cause: error },
  );
}

/**
 * What comes before apt-get: nothing for root, sudo where it asks for no password, and undefined where this process may not install
 * anything.
 */
export async function installingAs(
  uid: number | undefined,
  runs: (command: readonly [string, ...string[]]) => Promise<boolean>,
): Promise<readonly string[] | undefined> {
  if (uid === 0) return [];
  return (await runs(['sudo', '-n', 'true'])) ? ['sudo', '-n'] : undefined;
}
