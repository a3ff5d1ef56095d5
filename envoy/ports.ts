import { createServer } from 'node:net';
import { codeOf } from '#platform/error-code.ts';
import { StartError } from '#platform/start-error.ts';

/** A port that the mesh needs: whose it is, and which variable moves it. */
export type NeededPort = { readonly what: string; readonly port: number; readonly variable: string };

/** Throws a StartError that names the ports that are in use. Envoy would share one with another Envoy, and say nothing. */
export async function checkPorts(needed: readonly NeededPort[]): Promise<void> {
  const problems = await Promise.all(needed.map(problemOf));
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length > 0) throw new StartError(found.join('\n'));
}

function problemOf({ what, port, variable }: NeededPort): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => {
      const why =
        codeOf(error) === 'EADDRINUSE' ? 'is in use: stop what uses it, or' : `can’t be had (${codeOf(error)}):`;
      resolve(`Port ${port} for ${what} ${why} set ${variable} to another.`);
    });
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
