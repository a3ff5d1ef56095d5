import type { KeyService } from '#gen/only2u/user/v1/auth_pb.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';

/** The public keys of the shop's access tokens, for whoever checks tokens outside of the mesh. */
export type Jwks = {
  /** The key set as JSON. Throws when the key service can't be asked and no answer of it is kept. */
  read(): Promise<string>;
};

export const jwksMaxAgeMs = 60_000; // a new key signs only after it was published for longer

/** Asks KeyService at most once in `jwksMaxAgeMs`; while it is away, its last answer goes on. */
export function createJwks(keys: ClientFor<'gateway', typeof KeyService>, now: () => number): Jwks {
  let kept: { readonly json: string; readonly atMs: number } | undefined;
  let asking: Promise<string> | undefined;

  async function ask(): Promise<string> {
    try {
      const { jwksJson } = await keys.getKeys({}, { timeoutMs: 2_000 });
      kept = { json: jwksJson, atMs: now() };
      return jwksJson;
    } catch (error) {
      if (kept === undefined) throw error;
      return kept.json;
    } finally {
      asking = undefined;
    }
  }

  return {
    async read() {
      if (kept !== undefined && now() - kept.atMs < jwksMaxAgeMs) return kept.json;
      return (asking ??= ask());
    },
  };
}
