import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  CouponService,
  CreateCouponResponseSchema,
  DeleteCouponResponseSchema,
  UpdateCouponResponseSchema,
} from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { invalidField } from '#platform/fault.ts';
import type { PageTokens } from '#platform/page-token.ts';
import { byId, listPage } from '#platform/paging.ts';
import { repeatable } from '#platform/repeatable.ts';
import { requireUser } from '#platform/rpc/call.ts';
import type { Env } from '#platform/service.ts';
import {
  assertEtag,
  couponNotFound,
  createCoupon,
  mayManage,
  updateCoupon,
  type Actor,
  type Coupon,
} from './coupon.ts';
import { decodeChanges, decodeDraft, encodeCoupon } from './messages.ts';
import type { CouponStore } from './store.ts';

export type CouponRpcOptions = {
  readonly store: CouponStore;
  readonly pageTokens: PageTokens;
  readonly env: Pick<Env, 'now' | 'newId'>;
};

type CouponRpc = Pick<
  ServiceImpl<typeof CouponService>,
  'createCoupon' | 'getCoupon' | 'listCoupons' | 'updateCoupon' | 'deleteCoupon'
>;

/** The methods of CouponService for those who make coupons. */
export function createCouponRpc({ store, pageTokens, env }: CouponRpcOptions): CouponRpc {
  const { method } = CouponService;
  return {
    async createCoupon(request) {
      const actor = currentActor();
      const now = env.now();
      const coupon = createCoupon(decodeDraft(required(request.coupon)), { id: env.newId('cpn'), actor, now });
      return store.change(repeatable(method.createCoupon, request, { actor: actor.id, now }), async (tx) => {
        await tx.insert(coupon);
        return create(CreateCouponResponseSchema, { coupon: encodeCoupon(coupon) });
      });
    },

    async getCoupon({ couponId }) {
      const coupon = own(await store.find(couponId), couponId, currentActor());
      return { coupon: encodeCoupon(coupon) };
    },

    async listCoupons(request) {
      const actor = currentActor();
      const vendorId = actor.isAdmin ? '' : actor.id;
      const { items, nextPageToken } = await listPage(request, {
        ...byId,
        tokens: pageTokens,
        method: method.listCoupons,
        filter: vendorId,
        usual: 20,
        fetch: ({ after: before = '', limit }) => store.list({ vendorId, before, limit }),
      });
      return { coupons: items.map(encodeCoupon), nextPageToken };
    },

    async updateCoupon(request) {
      const actor = currentActor();
      const message = required(request.coupon);
      const changes = decodeChanges(message, request.updateMask?.paths ?? []);
      const now = env.now();
      return store.change(repeatable(method.updateCoupon, request, { actor: actor.id, now }), async (tx) => {
        const coupon = own(await tx.lock(message.id), message.id, actor);
        assertEtag(coupon, message.etag);
        const changed = updateCoupon(coupon, changes, now);
        await tx.update(changed);
        return create(UpdateCouponResponseSchema, { coupon: encodeCoupon(changed) });
      });
    },

    async deleteCoupon(request) {
      const actor = currentActor();
      const now = env.now();
      return store.change(repeatable(method.deleteCoupon, request, { actor: actor.id, now }), async (tx) => {
        const coupon = own(await tx.lock(request.couponId), request.couponId, actor);
        await tx.delete(coupon.id, now);
        return create(DeleteCouponResponseSchema);
      });
    },
  };
}

function currentActor(): Actor {
  const { id, roles } = requireUser();
  return { id, isAdmin: roles.includes('admin') };
}

function own(coupon: Coupon | undefined, id: string, actor: Actor): Coupon {
  if (coupon === undefined || !mayManage(coupon, actor)) throw couponNotFound(id);
  return coupon;
}

// The contract requires it; its type can't say so.
function required<T>(message: T | undefined): T {
  if (message === undefined) throw invalidField('coupon', 'REQUIRED', 'is required');
  return message;
}
