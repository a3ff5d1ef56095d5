import type { ServiceImpl } from '@connectrpc/connect';
import { OrderService, OrderView } from '#gen/only2u/order/v1/order_pb.ts';
import { Fault, invalidField } from '#platform/fault.ts';
import type { PageTokens } from '#platform/page-token.ts';
import { byId, listPage } from '#platform/paging.ts';
import { currentCall, requireUser, type User } from '#platform/rpc/call.ts';
import { actorFor, viewOf } from './access.ts';
import { orderMessage, statusNumbers, wordFor, type View } from './encode.ts';
import { isAtRest } from './order.ts';
import type { OrderListing, OrderStore } from './store.ts';
import type { Watchers } from './watchers.ts';

export type ReadRpcOptions = {
  readonly store: OrderStore;
  readonly pageTokens: PageTokens;
  readonly watchers: Watchers;
};

/** The methods of OrderService that show orders. */
export function createReadRpc({
  store,
  pageTokens,
  watchers,
}: ReadRpcOptions): Pick<ServiceImpl<typeof OrderService>, 'getOrder' | 'listOrders' | 'watchOrder'> {
  async function look(user: User, orderId: string) {
    const { order, actor } = actorFor(user, await store.find(orderId), orderId);
    return { order, message: orderMessage(order, { view: viewOf(actor), history: true }) };
  }

  return {
    async getOrder({ orderId }) {
      const { message } = await look(requireUser(), orderId);
      return { order: message };
    },

    async listOrders(request) {
      const user = requireUser();
      const { of, view } = listed(request.view, user);
      const status = wordFor(statusNumbers, request.status);
      const filter = [user.id, request.view === OrderView.UNSPECIFIED ? OrderView.PLACED : request.view, status ?? ''];
      const { items, nextPageToken } = await listPage(request, {
        ...byId,
        tokens: pageTokens,
        method: OrderService.method.listOrders,
        filter,
        usual: 20,
        fetch: ({ after: before = '', limit }) => store.list({ of, status, before, limit }),
      });
      return { orders: items.map((order) => orderMessage(order, { view, history: false })), nextPageToken };
    },

    async *watchOrder({ orderId }) {
      const user = requireUser();
      const signal = currentCall()?.signal;
      const watch = await watchers.watch(orderId);
      try {
        for (let seen = 0; signal?.aborted !== true; await watch.changed(signal)) {
          const { order, message } = await look(user, orderId);
          if (order.version === seen) continue;
          seen = order.version;
          yield { order: message };
          if (isAtRest(order)) return;
        }
      } finally {
        watch.close();
      }
    },
  };
}

function listed(view: OrderView, user: User): { readonly of: OrderListing['of']; readonly view: View } {
  switch (view) {
    case OrderView.UNSPECIFIED:
    case OrderView.PLACED:
      return { of: { userId: user.id }, view: 'all' };
    case OrderView.SOLD:
      if (!user.roles.includes('vendor')) throw viewRefused('vendors', 'SOLD');
      return { of: { vendorId: user.id }, view: { vendorId: user.id } };
    case OrderView.ALL:
      if (!user.roles.includes('admin')) throw viewRefused('admins', 'ALL');
      return { of: 'all', view: 'all' };
    default:
      throw invalidField('view', 'UNKNOWN', 'is no view');
  }
}

function viewRefused(who: string, view: string): Fault {
  return new Fault('permission-denied', 'VIEW_NOT_GRANTED', `The view ${view} is for ${who}.`, { metadata: { view } });
}
