import { createHmac, timingSafeEqual } from 'node:crypto';

/** HMAC-SHA256 as hexadecimal digits. */
export function signatureOf(secret: string, signed: string | Uint8Array): string {
  return createHmac('sha256', secret).update(signed).digest('hex');
}

/** Whether one of the secrets made the signature. Takes as long for a wrong signature as for the right one. */
export function isSignature(signature: string, secrets: readonly string[], signed: string | Uint8Array): boolean {
  const given = Buffer.from(signature);
  let fits = false;
  for (const secret of secrets) {
    const expected = Buffer.from(signatureOf(secret, signed));
    if (given.length === expected.length && timingSafeEqual(given, expected)) fits = true;
  }
  return fits;
}
