import type { ServiceImpl } from '@connectrpc/connect';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { OrderService } from '#gen/only2u/order/v1/order_pb.ts';
import { requireUser } from '#platform/rpc/call.ts';
import { actorFor } from './access.ts';
import { partMessage } from './encode.ts';
import { invoicePage, type InvoiceSeller } from './invoice-page.ts';
import { invoicedPart } from './invoice.ts';
import type { OrderStore } from './store.ts';

export type InvoiceRpcOptions = { readonly store: OrderStore; readonly seller: InvoiceSeller };

/** The method of OrderService that answers invoices. */
export function createInvoiceRpc({
  store,
  seller,
}: InvoiceRpcOptions): Pick<ServiceImpl<typeof OrderService>, 'getInvoice'> {
  return {
    async getInvoice({ orderId, partId }) {
      const { order: whole, actor } = actorFor(requireUser(), await store.find(orderId), orderId);
      const order =
        actor.role === 'vendor'
          ? { ...whole, parts: whole.parts.filter((one) => one.vendorId === actor.id) } // another's part isn't there
          : whole;
      const part = invoicedPart(order, partId);
      const { invoiceNumber: number, shipTime: issueTime } = part;
      const { currency, address, createTime: orderTime } = order;
      const html = invoicePage({ number, issueTime, orderId, orderTime, seller, address, currency, part });
      return { number, issueTime: timestampFromDate(issueTime), part: partMessage(part, currency), html };
    },
  };
}
