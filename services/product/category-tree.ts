import type { Category } from './category.ts';
import type { CatalogStore } from './store.ts';

/** The tree as searches need it: what lies below, what lies above, what it is called. */
export type CategoryTree = {
  /** These categories and all below them; those that aren't there are left out. */
  below(ids: readonly string[]): string[];
  /** The category and those above it, from the top; empty when it isn't there. */
  line(id: string): readonly Category[];
};

export type CategoryTreeCache = {
  current(): Promise<CategoryTree>;
  /** To be called after a change, so that this process sees it at once. */
  forget(): void;
};

const freshMs = 5_000; // less than the contract lets an edge keep a category
const pageSize = 1_000;
const largest = 20_000; // far more than any shop's menu; bounds the memory

/** Keeps the tree in memory for a few seconds: each search needs it, and it hardly ever changes. */
export function createCategoryTreeCache(store: CatalogStore, now: () => Date): CategoryTreeCache {
  let kept: { readonly tree: Promise<CategoryTree>; readonly until: number } | undefined;
  return {
    current() {
      if (kept === undefined || kept.until <= now().getTime()) {
        const loading = { tree: load(store), until: now().getTime() + freshMs };
        kept = loading;
        loading.tree.catch(() => {
          if (kept === loading) kept = undefined;
        });
      }
      return kept.tree;
    },
    forget() {
      kept = undefined;
    },
  };
}

async function load(store: CatalogStore): Promise<CategoryTree> {
  const categories: Category[] = [];
  for (let after = ''; categories.length < largest;) {
    const page = await store.listCategories({ parentId: '', after, limit: pageSize });
    categories.push(...page);
    after = page.at(-1)?.path ?? '';
    if (page.length < pageSize) break;
  }
  return createCategoryTree(categories);
}

/** Indexes categories that come by path. */
export function createCategoryTree(categories: readonly Category[]): CategoryTree {
  const byId = new Map(categories.map((category) => [category.id, category]));
  const children = new Map<string, string[]>();
  for (const { id, parentId } of categories) {
    const siblings = children.get(parentId);
    if (siblings === undefined) children.set(parentId, [id]);
    else siblings.push(id);
  }
  return {
    below(ids) {
      const found = new Set<string>();
      const open = ids.filter((id) => byId.has(id));
      for (let id = open.pop(); id !== undefined; id = open.pop()) {
        if (found.has(id)) continue;
        found.add(id);
        open.push(...(children.get(id) ?? []));
      }
      return [...found];
    },
    line(id) {
      const line: Category[] = [];
      for (let at = byId.get(id); at !== undefined; at = byId.get(at.parentId)) line.unshift(at);
      return line;
    },
  };
}
