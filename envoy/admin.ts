import { request } from 'node:http';

/** The administration of one Envoy, on its socket. */
export type EnvoyAdmin = {
  /** The answer to a GET; undefined when nobody answers. */
  get(path: string): Promise<string | undefined>;
};

const limitMs = 3_000;

export function createEnvoyAdmin(socketPath: string): EnvoyAdmin {
  return {
    get: (path) =>
      new Promise((resolve) => {
        const asked = request({ socketPath, path, timeout: limitMs, agent: false }, (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.once('error', () => resolve(undefined));
          response.once('end', () => resolve(response.statusCode === 200 ? text : undefined));
        });
        asked.once('timeout', () => asked.destroy());
        asked.once('error', () => resolve(undefined));
        asked.end();
      }),
  };
}
