import { codeOf } from './error-code.ts';
import { portVariable } from './process-config.ts';
import { StartError } from './start-error.ts';

/** For the listening of a service or "admin": a port that can't be had is the person's to settle, everything else is passed on. */
export function unlessPort(name: string): (error: unknown) => never {
  return (error) => {
    const code = codeOf(error);
    if (typeof error !== 'object' || error === null || !('port' in error)) throw error;
    const port = Number(error.port);
    if (code === 'EADDRINUSE') {
      throw new StartError(
        `Port ${String(port)} for ${name} is in use: stop what uses it, or set ${portVariable(name)} to another.`,
      );
    }
    if (code !== 'EACCES' && code !== 'EADDRNOTAVAIL') throw error;
    throw new StartError(
      `Port ${String(port)} for ${name} can’t be had (${code}): set ${portVariable(name)} to another.`,
    );
  };
}
