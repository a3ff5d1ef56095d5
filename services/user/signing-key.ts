import { accessTokenMinutes } from './session.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** A key signs for a month: long enough to be no event, short enough that the way of changing it is in practice. */
const signsForMs = 30 * dayMs;
/** The least time between publishing a key and signing with it; verifiers ask again well within it. */
const publishedAheadMs = 60 * minuteMs;
/** Past the last token's end, for clocks that differ and processes that still hold the list of a moment ago. */
const slackMs = 5 * minuteMs;

export type SigningKey = {
  /** The `kid`: the key's RFC 7638 thumbprint. */
  readonly id: string;
  /** From then on it signs, until the next key does. */
  readonly signsFrom: Date;
  /** As it is published. */
  readonly publicJwk: Readonly<Record<string, string>>;
  /** The private key, encrypted (see signer.ts). */
  readonly sealedPrivateKey: Buffer;
};

/** The key that signs, or undefined before the first. */
export function currentKey<K extends Pick<SigningKey, 'signsFrom'>>(keys: readonly K[], now: Date): K | undefined {
  return ordered(keys)
    .filter((key) => key.signsFrom <= now)
    .at(-1);
}

/** The keys that a verifier needs: the next, the current, and each earlier one until its last token has ended. */
export function publishedKeys<K extends Pick<SigningKey, 'signsFrom'>>(keys: readonly K[], now: Date): K[] {
  const line = ordered(keys);
  return line.filter((_, index) => {
    const successor = line[index + 1];
    if (successor === undefined) return true;
    return now.getTime() < successor.signsFrom.getTime() + accessTokenMinutes * minuteMs + slackMs;
  });
}

/** What is to be done about the keys now: when each new one is to sign from, and which ones nobody needs any more. */
export type KeyPlan = { readonly make: readonly Date[]; readonly drop: readonly string[] };

/** There is always one key that signs and one published ahead of its time. */
export function planKeys(keys: readonly SigningKey[], now: Date): KeyPlan {
  const current = currentKey(keys, now);
  const kept = new Set(publishedKeys(keys, now).map((key) => key.id));
  const drop = keys.filter((key) => !kept.has(key.id)).map((key) => key.id);
  if (current === undefined) return { make: [now, new Date(now.getTime() + signsForMs)], drop };
  if (keys.some((key) => key.signsFrom > now)) return { make: [], drop };
  const due = Math.max(current.signsFrom.getTime() + signsForMs, now.getTime() + publishedAheadMs);
  return { make: [new Date(due)], drop };
}

/** The keys after a rotation by hand: the published next one signs from now on, and `planKeys` makes another after it. */
export function rotateKeys(keys: readonly SigningKey[], now: Date): SigningKey | undefined {
  const next = ordered(keys).find((key) => key.signsFrom > now);
  // Two rotations in the same millisecond still have an order.
  const after = (currentKey(keys, now)?.signsFrom.getTime() ?? 0) + 1;
  return next === undefined ? undefined : { ...next, signsFrom: new Date(Math.max(now.getTime(), after)) };
}

function ordered<K extends Pick<SigningKey, 'signsFrom'>>(keys: readonly K[]): K[] {
  return keys.toSorted((a, b) => a.signsFrom.getTime() - b.signsFrom.getTime());
}
