import { Fault } from '#platform/fault.ts';
import { acceptTerms, type CouponDraft, type CouponTerms } from './terms.ts';

export type Coupon = CouponTerms & {
  /** "cpn_…" */
  readonly id: string;
  /** "usr_…"; "" for one of the house. */
  readonly vendorId: string;
  /** How many orders use it. */
  readonly uses: number;
  /** How much it has taken off in all, in minor units. */
  readonly spent: bigint;
  /** From 1, one more with each change by its maker: the etag. Uses don't count. */
  readonly version: number;
  readonly createTime: Date;
  readonly updateTime: Date;
};

/** What can be changed later: neither the code, nor the currency, nor what it takes off. */
export type CouponChanges = Partial<Omit<CouponTerms, 'code' | 'currency' | 'discount'>>;

/** Who asks: as much of the user as the rules need. */
export type Actor = { readonly id: string; readonly isAdmin: boolean };

export type CreateOptions = { readonly id: string; readonly actor: Actor; readonly now: Date };

/** Makes a coupon, of the house for an admin, else of the vendor; or refuses it, naming every field that is wrong. */
export function createCoupon(draft: CouponDraft, { id, actor, now }: CreateOptions): Coupon {
  return {
    ...acceptTerms(draft),
    id,
    vendorId: actor.isAdmin ? '' : actor.id,
    uses: 0,
    spent: 0n,
    version: 1,
    createTime: now,
    updateTime: now,
  };
}

/** Changes what `changes` names and nothing else. Limits stay at or above what is used already. */
export function updateCoupon(coupon: Coupon, changes: CouponChanges, now: Date): Coupon {
  const terms = acceptTerms({ ...coupon, ...changes });
  if (terms.maxUses !== 0 && terms.maxUses < coupon.uses) throw belowUsed('max_uses', String(coupon.uses));
  if (terms.budget !== undefined && terms.budget.minorUnits < coupon.spent) {
    throw belowUsed('budget', String(coupon.spent));
  }
  return { ...coupon, ...terms, version: coupon.version + 1, updateTime: now };
}

/** Whether the user may see and change it: its vendor, and admins. */
export function mayManage({ vendorId }: Pick<Coupon, 'vendorId'>, actor: Actor): boolean {
  return actor.isAdmin || vendorId === actor.id;
}

export function etagOf({ version }: Pick<Coupon, 'version'>): string {
  return String(version);
}

/** Refuses a change to something that has changed since it was seen. An empty etag means: whatever is there now. */
export function assertEtag(coupon: Pick<Coupon, 'version'>, etag: string): void {
  if (etag === '' || etag === etagOf(coupon)) return;
  throw new Fault('aborted', 'ETAG_MISMATCH', 'It has changed since it was read: read it again, then change it.', {
    metadata: { etag: etagOf(coupon) },
  });
}

/** What is another's is as good as absent. */
export function couponNotFound(id: string): Fault {
  return new Fault('not-found', 'COUPON_NOT_FOUND', `You have no coupon "${id}".`, { metadata: { coupon_id: id } });
}

export function codeTaken(code: string): Fault {
  return new Fault('already-exists', 'COUPON_CODE_TAKEN', `Another coupon has the code "${code}"; choose another.`, {
    metadata: { code },
    fields: [{ field: 'coupon.code', reason: 'COUPON_CODE_TAKEN', description: 'is taken' }],
  });
}

function belowUsed(field: string, used: string): Fault {
  return new Fault(
    'failed-precondition',
    'COUPON_LIMIT_BELOW_USED',
    `coupon.${field} can't fall below ${used}, which is used already; pause the coupon to end it at once.`,
    { metadata: { field: `coupon.${field}`, used } },
  );
}
