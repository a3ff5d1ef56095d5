import { brokenUnique, type Sql } from '#platform/database.postgres.ts';
import { Fault } from '#platform/fault.ts';
import { publish } from '#platform/outbox.postgres.ts';
import { depthOf, type Category } from './category.ts';
import { productChanged, type ChangedProduct } from './messages.ts';
import { statusOf } from './product-rows.postgres.ts';
import { forgetCategory } from './search-index.postgres.ts';
import type { CategoryFilter } from './store.ts';

type CategoryRow = {
  readonly id: string;
  readonly parent_id: string | null;
  readonly slug: string;
  readonly title: string;
  readonly path: string;
  readonly version: number;
  readonly create_time: Date;
  readonly update_time: Date;
};

const columns = 'id, parent_id, slug, title, path, version, create_time, update_time';

// A subtree is a range: "0" is the character after "/".
const below = `path >= $1 || '/' and path < $1 || '0'`;

export async function findCategory(sql: Sql, id: string): Promise<Category | undefined> {
  const [row] = await sql.query<CategoryRow>(`select ${columns} from category where id = $1`, [id]);
  return row && toCategory(row);
}

export async function listCategories(sql: Sql, { parentId, after, limit }: CategoryFilter): Promise<Category[]> {
  const rows =
    parentId === ''
      ? await sql.query<CategoryRow>(`select ${columns} from category where path > $1 order by path limit $2`, [
          after,
          limit,
        ])
      : await sql.query<CategoryRow>(
          `select ${columns} from category where path > $1 and parent_id = $3 order by path limit $2`,
          [after, limit, parentId],
        );
  return rows.map(toCategory);
}

/** Changes of the tree come one after the other: two moves at once could close a ring. Readers go on. */
export async function lockCategories(tx: Sql): Promise<void> {
  await tx.query('lock table category in share row exclusive mode');
}

export async function heightOf(tx: Sql, category: Category): Promise<number> {
  const rows = await tx.query<{ path: string }>(`select path from category where ${below}`, [category.path]);
  return rows.reduce((height, { path }) => Math.max(height, depthOf(path) - depthOf(category.path)), 0);
}

export async function insertCategory(tx: Sql, category: Category): Promise<void> {
  await refusingTwins(category, () =>
    tx.query(`insert into category (${columns}) values ($1, nullif($2, ''), $3, $4, $5, $6, $7, $8)`, [
      category.id,
      category.parentId,
      category.slug,
      category.title,
      category.path,
      category.version,
      category.createTime,
      category.updateTime,
    ]),
  );
}

export async function updateCategory(tx: Sql, category: Category, before: Category): Promise<void> {
  await refusingTwins(category, () =>
    tx.query(
      `update category set parent_id = nullif($2, ''), slug = $3, title = $4, path = $5, version = $6, update_time = $7 where id = $1`,
      [
        category.id,
        category.parentId,
        category.slug,
        category.title,
        category.path,
        category.version,
        category.updateTime,
      ],
    ),
  );
  if (category.path === before.path) return;
  await tx.query(
    `update category set path = $2 || substr(path, length($1) + 1), version = version + 1, update_time = $3 where ${below}`,
    [before.path, category.path, category.updateTime],
  );
}

/** Removes a category; its products stay, without one. */
export async function deleteCategory(tx: Sql, category: Category, now: Date): Promise<void> {
  const [child] = await tx.query('select 1 from category where parent_id = $1 limit 1', [category.id]);
  if (child !== undefined) {
    throw new Fault(
      'failed-precondition',
      'CATEGORY_HAS_CHILDREN',
      'Other categories stand below it: move or delete them first.',
      {
        metadata: { category_id: category.id },
      },
    );
  }
  const left = await tx.query<LeftRow>(
    `update product set category_id = null, version = version + 1, update_time = $2 where category_id = $1
     returning id, handle, vendor_id, status, version, update_time, content ->> 'title' as title`,
    [category.id, now],
  );
  await publish(tx, ...left.map((row) => productChanged(toChanged(row))));
  await tx.query('delete from category where id = $1', [category.id]);
  await forgetCategory(tx, category.id);
}

type LeftRow = {
  readonly id: string;
  readonly handle: string;
  readonly vendor_id: string;
  readonly status: number;
  readonly version: number;
  readonly update_time: Date;
  readonly title: string;
};

function toChanged(row: LeftRow): ChangedProduct {
  const { id, handle, title, version } = row;
  return {
    id,
    handle,
    title,
    version,
    vendorId: row.vendor_id,
    status: statusOf(row.status),
    updateTime: row.update_time,
  };
}

async function refusingTwins(category: Category, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (brokenUnique(error) !== 'category_path_key') throw error;
    throw new Fault(
      'already-exists',
      'SLUG_TAKEN',
      `There is a category "${category.path}" already; choose another slug.`,
      {
        metadata: { path: category.path },
        fields: [{ field: 'category.slug', reason: 'SLUG_TAKEN', description: 'is taken' }],
        cause: error,
      },
    );
  }
}

function toCategory(row: CategoryRow): Category {
  return {
    id: row.id,
    parentId: row.parent_id ?? '',
    slug: row.slug,
    title: row.title,
    path: row.path,
    version: row.version,
    createTime: row.create_time,
    updateTime: row.update_time,
  };
}
