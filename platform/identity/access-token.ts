import type { User } from '../rpc/call.ts';

/** Tells who a user is by the access token. Refuses with a Fault; answers at once for a token that it has seen. */
export type TokenVerifier = { verify(token: string): User | Promise<User> };
