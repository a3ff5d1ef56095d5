import { Fault, invalidField } from '#platform/fault.ts';
import { slugify } from './handle.ts';

/** A place in the shop's tree. */
export type Category = {
  /** "cat_…" */
  readonly id: string;
  /** "" at the top. */
  readonly parentId: string;
  /** Unique among its siblings. */
  readonly slug: string;
  readonly title: string;
  /** The slugs from the top to here, joined by "/". */
  readonly path: string;
  /** From 1, one more with each change: the etag. */
  readonly version: number;
  readonly createTime: Date;
  readonly updateTime: Date;
};

/** What an admin writes. An empty slug is made from the title. */
export type CategoryContent = Pick<Category, 'parentId' | 'slug' | 'title'>;

export const maxDepth = 8; // deeper than any shop's menu, and a path stays under its 1,024 characters

/** Makes a category below `parent`, or at the top without one. */
export function createCategory(
  content: CategoryContent,
  { id, parent, now }: { readonly id: string; readonly parent: Category | undefined; readonly now: Date },
): Category {
  const { title, slug } = named(content);
  const path = pathBelow(parent, slug);
  assertDepth(depthOf(path));
  return { id, parentId: parent?.id ?? '', slug, title, path, version: 1, createTime: now, updateTime: now };
}

/**
 * Changes a category; `parent` is the one that it then stands below, `height` how many levels lie below it (0 for none).
 * Those below move along.
 */
export function updateCategory(
  category: Category,
  changes: Partial<CategoryContent>,
  { parent, height, now }: { readonly parent: Category | undefined; readonly height: number; readonly now: Date },
): Category {
  if (parent !== undefined && isWithin(parent.path, category.path)) {
    throw new Fault('failed-precondition', 'CATEGORY_CYCLE', 'A category can’t stand below itself.', {
      metadata: { category_id: category.id, parent_id: parent.id },
    });
  }
  const { title, slug } = named({ ...category, ...changes });
  const path = pathBelow(parent, slug);
  assertDepth(depthOf(path) + height);
  return { ...category, parentId: parent?.id ?? '', slug, title, path, version: category.version + 1, updateTime: now };
}

/** Whether a path is the ancestor's or below it. */
export function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(`${ancestor}/`);
}

/** How many levels a path has; 1 at the top. */
export function depthOf(path: string): number {
  return path.split('/').length;
}

export function categoryNotFound(id: string): Fault {
  return new Fault('not-found', 'CATEGORY_NOT_FOUND', `There is no category "${id}".`, {
    metadata: { category_id: id },
  });
}

function named(content: CategoryContent): { title: string; slug: string } {
  const title = content.title.normalize('NFC').replace(/\s+/g, ' ').trim();
  if (title === '') throw invalidField('category.title', 'TITLE_MISSING', 'is required');
  if (/[\u0000-\u001f\u007f]/.test(title)) {
    throw invalidField('category.title', 'CONTROL_CHARACTER', 'holds a control character; remove it');
  }
  const slug = content.slug === '' ? slugify(title, 100) : content.slug;
  if (slug === '')
    throw invalidField('category.slug', 'SLUG_MISSING', 'is required where the title has no Latin letters');
  return { title, slug };
}

function pathBelow(parent: Category | undefined, slug: string): string {
  return parent === undefined ? slug : `${parent.path}/${slug}`;
}

function assertDepth(depth: number): void {
  if (depth <= maxDepth) return;
  throw new Fault('failed-precondition', 'CATEGORY_TOO_DEEP', `The tree has at most ${maxDepth} levels.`, {
    metadata: { max_depth: String(maxDepth) },
  });
}
