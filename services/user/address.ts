import { Fault, invalidField } from '#platform/fault.ts';

/** A postal address of an account. */
export type Address = {
  /** "adr_…" */
  readonly id: string;
  readonly userId: string;
  readonly fields: AddressFields;
  readonly createTime: Date;
  readonly updateTime: Date;
  /** Grows with each change; its text is the etag. */
  readonly revision: number;
};

/** What the owner writes, named as in the contract. Empty means: not given. */
export type AddressFields = {
  readonly recipient: string;
  readonly lines: readonly string[];
  readonly city: string;
  readonly region: string;
  readonly postalCode: string;
  /** ISO 3166-1 alpha-2. */
  readonly countryCode: string;
  /** E.164. */
  readonly phone: string;
};

/** Homes, offices, relatives: more than anybody ships to, and it keeps what one account can store bounded. */
export const addressesPerAccount = 50;

/** The path of each field in an update mask. */
const fieldOfPath = new Map<string, keyof AddressFields>([
  ['recipient', 'recipient'],
  ['lines', 'lines'],
  ['city', 'city'],
  ['region', 'region'],
  ['postal_code', 'postalCode'],
  ['country_code', 'countryCode'],
  ['phone', 'phone'],
]);
export const addressPaths: readonly string[] = [...fieldOfPath.keys()];

export function createAddress(id: string, userId: string, fields: AddressFields, now: Date): Address {
  return { id, userId, fields: acceptFields(fields), createTime: now, updateTime: now, revision: 1 };
}

/**
 * The address with those of the new fields that `paths` names. What must be there is asked of the result, so that a mask
 * can't be used to empty a required field, nor must name one that is there already.
 */
export function changeAddress(
  address: Address,
  change: { readonly fields: AddressFields; readonly paths: readonly string[] },
  now: Date,
): Address {
  assertPaths(change.paths, addressPaths);
  const named = Object.entries(change.fields).filter(([key]) =>
    change.paths.some((path) => fieldOfPath.get(path) === key),
  );
  const merged: AddressFields = { ...address.fields, ...Object.fromEntries(named) };
  const fields = acceptFields(merged);
  if (JSON.stringify(fields) === JSON.stringify(acceptFields(address.fields))) return address;
  return { ...address, fields, updateTime: now, revision: address.revision + 1 };
}

/** Refuses an update mask that names nothing, or what can't be changed. */
export function assertPaths(paths: readonly string[], known: readonly string[]): void {
  const names = known.join(', ');
  if (paths.length === 0) throw invalidField('update_mask', 'MASK_EMPTY', `name what to change: ${names}`);
  const unknown = paths.find((path) => !known.includes(path));
  if (unknown === undefined) return;
  throw invalidField('update_mask', 'PATH_UNKNOWN', `"${unknown}" can't be changed; use ${names}`);
}

export function tooManyAddresses(): Fault {
  return new Fault(
    'failed-precondition',
    'TOO_MANY_ADDRESSES',
    `An account keeps at most ${addressesPerAccount} addresses. Delete one first.`,
    { metadata: { limit: String(addressesPerAccount) } },
  );
}

/** In a fixed order of keys, trimmed, with all that a carrier needs. */
function acceptFields(given: AddressFields): AddressFields {
  const fields: AddressFields = {
    recipient: given.recipient.trim(),
    lines: given.lines.map((line) => line.trim()).filter((line) => line !== ''),
    city: given.city.trim(),
    region: given.region.trim(),
    postalCode: given.postalCode.trim(),
    countryCode: given.countryCode,
    phone: given.phone,
  };
  const missing = [
    fields.recipient === '' ? 'recipient' : undefined,
    fields.lines.length === 0 ? 'lines' : undefined,
    fields.city === '' ? 'city' : undefined,
    fields.countryCode === '' ? 'country_code' : undefined,
  ].filter((name) => name !== undefined);
  if (missing.length > 0) {
    throw new Fault('invalid-argument', 'ADDRESS_INCOMPLETE', `An address needs ${missing.join(', ')} as well.`, {
      metadata: { missing: missing.join(',') },
      fields: missing.map((name) => ({ field: `address.${name}`, description: 'is required', reason: 'REQUIRED' })),
    });
  }
  return fields;
}
