import type { ServiceImpl } from '@connectrpc/connect';
import { CategoryService } from '#gen/only2u/product/v1/category_pb.ts';
import { invalidField } from '#platform/fault.ts';
import type { PageTokens } from '#platform/page-token.ts';
import { listPage, textCursor } from '#platform/paging.ts';
import { requireUser } from '#platform/rpc/call.ts';
import type { Env } from '#platform/service.ts';
import { categoryNotFound, createCategory, updateCategory, type Category } from './category.ts';
import type { CategoryTreeCache } from './category-tree.ts';
import { categoryMessage, maskedCategory } from './messages.ts';
import { assertEtag } from './product.ts';
import { repeatable } from '#platform/repeatable.ts';
import type { CatalogStore, CatalogTx } from './store.ts';

export type CategoryRpcOptions = {
  readonly store: CatalogStore;
  readonly categories: CategoryTreeCache;
  readonly pageTokens: PageTokens;
  readonly env: Pick<Env, 'now' | 'newId'>;
};

/** Who may call them, admins alone for changes, is said by the contract. */
export function createCategoryRpc({
  store,
  categories,
  pageTokens,
  env,
}: CategoryRpcOptions): ServiceImpl<typeof CategoryService> {
  const { method } = CategoryService;
  return {
    async createCategory(request) {
      const { title = '', slug = '', parentId = '' } = request.category ?? {};
      const now = env.now();
      const asked = { actor: requireUser().id, now };
      const response = await store.change(repeatable(method.createCategory, request, asked), async (tx) => {
        await tx.lockCategories();
        const parent = await parentOf(tx, parentId);
        const category = createCategory({ title, slug, parentId }, { id: env.newId('cat'), parent, now });
        await tx.insertCategory(category);
        return { $typeName: 'only2u.product.v1.CreateCategoryResponse' as const, category: categoryMessage(category) };
      });
      categories.forget();
      return response;
    },

    async getCategory(request) {
      const category = await store.findCategory(request.categoryId);
      if (category === undefined) throw categoryNotFound(request.categoryId);
      return { category: categoryMessage(category) };
    },

    async listCategories(request) {
      const { parentId } = request;
      const { items, nextPageToken } = await listPage(request, {
        tokens: pageTokens,
        method: method.listCategories,
        filter: parentId,
        cursor: ({ path }: Category) => path,
        parse: textCursor,
        fetch: ({ after = '', limit }) => store.listCategories({ parentId, after, limit }),
      });
      return { categories: items.map(categoryMessage), nextPageToken };
    },

    async updateCategory(request) {
      const message = request.category;
      if (message === undefined || message.id === '')
        throw invalidField('category.id', 'ID_MISSING', 'says which category to change');
      const changes = maskedCategory(message, request.updateMask?.paths ?? []);
      const now = env.now();
      const asked = { actor: requireUser().id, now };
      const response = await store.change(repeatable(method.updateCategory, request, asked), async (tx) => {
        await tx.lockCategories();
        const before = await existing(tx, message.id);
        assertEtag(before, message.etag);
        const parent = await parentOf(tx, changes.parentId ?? before.parentId);
        const category = updateCategory(before, changes, { parent, height: await tx.heightOf(before), now });
        await tx.updateCategory(category, before);
        return { $typeName: 'only2u.product.v1.UpdateCategoryResponse' as const, category: categoryMessage(category) };
      });
      categories.forget();
      return response;
    },

    async deleteCategory(request) {
      const now = env.now();
      const asked = { actor: requireUser().id, now };
      const response = await store.change(repeatable(method.deleteCategory, request, asked), async (tx) => {
        await tx.lockCategories();
        const category = await existing(tx, request.categoryId);
        assertEtag(category, request.etag);
        await tx.deleteCategory(category, now);
        return { $typeName: 'only2u.product.v1.DeleteCategoryResponse' as const };
      });
      categories.forget();
      return response;
    },
  };
}

async function existing(tx: CatalogTx, id: string): Promise<Category> {
  const category = await tx.findCategory(id);
  if (category === undefined) throw categoryNotFound(id);
  return category;
}

async function parentOf(tx: CatalogTx, id: string): Promise<Category | undefined> {
  if (id === '') return undefined;
  const parent = await tx.findCategory(id);
  if (parent === undefined) throw invalidField('category.parent_id', 'CATEGORY_NOT_FOUND', 'is no category');
  return parent;
}
