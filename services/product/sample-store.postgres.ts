import type { Database } from '#platform/database.postgres.ts';
import { insertCategory, listCategories, lockCategories } from './category-rows.postgres.ts';
import type { SampleStore } from './sample-store.ts';

export function createPostgresSamples(database: Database): SampleStore {
  return {
    async begin(name, now) {
      const [row] = await database.query<{ unfinished: boolean }>(
        `insert into sample as known (name, begin_time, end_time)
         select $1, $2, case when exists (select from product) then $2::timestamptz end
         on conflict (name) do update set begin_time = known.begin_time
         returning end_time is null as unfinished`,
        [name, now],
      );
      return row?.unfinished ?? false;
    },
    async placeCategories(categories) {
      return database.transaction(async (tx) => {
        await lockCategories(tx);
        const placed = new Map(
          (await listCategories(tx, { parentId: '', after: '', limit: most })).map((category) => [
            category.path,
            category,
          ]),
        );
        for (const category of categories) {
          if (placed.has(category.path)) continue;
          const parent = placed.get(category.path.split('/').slice(0, -1).join('/'));
          const made = { ...category, parentId: parent?.id ?? '' };
          await insertCategory(tx, made);
          placed.set(made.path, made);
        }
        return [...placed.values()];
      });
    },
    async end(name, now) {
      await database.query('update sample set end_time = $2 where name = $1 and end_time is null', [name, now]);
    },
  };
}

const most = 10_000; // the whole tree of any shop
