import { timestampDate } from '@bufbuild/protobuf/wkt';
import { OrderConfirmedSchema } from '#gen/only2u/order/v1/events_pb.ts';
import type { EventHandler } from '#platform/outbox.postgres.ts';
import type { Ranking } from '#platform/ranking.ts';
import { scoresOf, type SoldPlace } from './best-seller.ts';
import type { CategoryTreeCache } from './category-tree.ts';

/** Counts what is bought, when its order is confirmed. */
export function bestSellerEvents(
  ranking: Pick<Ranking, 'counting'>,
  categories: Pick<CategoryTreeCache, 'current'>,
): readonly EventHandler[] {
  return [
    ranking.counting(OrderConfirmedSchema, async (sql, { items, confirmTime }) => {
      if (confirmTime === undefined) return undefined;
      const rows = await sql.query<{ id: string; product_id: string; category_id: string | null }>(
        `select v.id, v.product_id, p.category_id from variant v join product p on p.id = v.product_id where v.id = any($1)`,
        [items.map(({ variantId }) => variantId)],
      );
      const tree = await categories.current();
      const places = new Map<string, SoldPlace>(
        rows.map(({ id, product_id: productId, category_id }) => [
          id,
          { productId, categoryIds: category_id === null ? [] : tree.line(category_id).map((category) => category.id) },
        ]),
      );
      return { time: timestampDate(confirmTime), scores: scoresOf(items, places) };
    }),
  ];
}
