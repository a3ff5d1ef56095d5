import type { ServiceImpl } from '@connectrpc/connect';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { Fault, invalidField } from '#platform/fault.ts';
import { currentCall, requireUser, type User } from '#platform/rpc/call.ts';
import type { PageTokens } from '#platform/page-token.ts';
import { listPage, textCursor } from '#platform/paging.ts';
import type { Env } from '#platform/service.ts';
import { cleanHtml } from './clean-html.ts';
import { slugify } from './handle.ts';
import { maskedProduct, productContent, productMessage, statusFrom } from './messages.ts';
import type { ProductContent, ProductStatus } from './content.ts';
import {
  assertEtag,
  assertMayChange,
  createProduct,
  maySee,
  productNotFound,
  updateProduct,
  type Actor,
} from './product.ts';
import { repeatable } from '#platform/repeatable.ts';
import type { CatalogStore, CatalogTx, FoundProduct } from './store.ts';

export type ProductRpcOptions = {
  readonly store: CatalogStore;
  readonly pageTokens: PageTokens;
  readonly env: Pick<Env, 'now' | 'newId'>;
};

type ProductRpc = Pick<
  ServiceImpl<typeof ProductService>,
  'createProduct' | 'getProduct' | 'listProducts' | 'updateProduct' | 'deleteProduct' | 'batchGetProducts'
>;

const handleAttempts = 3; // of one made from the title; another product took it between the look and the write

export function createProductRpc({ store, pageTokens, env }: ProductRpcOptions): ProductRpc {
  const { method } = ProductService;
  const newVariantId = (): string => env.newId('var');
  return {
    async createProduct(request) {
      const user = requireUser();
      const content = productContent(required(request.product));
      const now = env.now();
      const repeat = repeatable(method.createProduct, request, { actor: user.id, now });
      for (let attempt = 1; ; attempt++) {
        try {
          return await store.change(repeat, async (tx) => {
            const options = { id: env.newId('prd'), vendorId: user.id, now, newVariantId, cleanHtml };
            const product = createProduct(content, options);
            const named = product.handle === '' ? { ...product, handle: await handleFor(tx, product) } : product;
            await tx.writeProducts([named]);
            const available = await tx.availableOf(named);
            return {
              $typeName: 'only2u.product.v1.CreateProductResponse' as const,
              product: productMessage({ product: named, available }),
            };
          });
        } catch (error) {
          const taken = error instanceof Fault && error.reason === 'HANDLE_TAKEN';
          if (!taken || content.handle !== '' || attempt === handleAttempts) throw error;
        }
      }
    },

    async getProduct(request) {
      const { case: by, value: key = '' } = request.key;
      const found = await store.findProduct(by === 'handle' ? { handle: key } : { id: key });
      if (found === undefined || !maySee(found.product, currentActor())) throw productNotFound(key);
      return { product: productMessage(found) };
    },

    async listProducts(request) {
      const { vendorId, categoryId } = request;
      const status = statusFrom(request.status) ?? 'published';
      assertMayList(status, vendorId);
      const { items, nextPageToken } = await listPage(request, {
        tokens: pageTokens,
        method: method.listProducts,
        filter: [vendorId, categoryId, status],
        cursor: ({ product }: FoundProduct) => product.id,
        parse: textCursor,
        fetch: ({ after: before = '', limit }) => store.listProducts({ vendorId, categoryId, status, before, limit }),
      });
      return { products: items.map(productMessage), nextPageToken };
    },

    async batchGetProducts(request) {
      const actor = currentActor();
      const found = await store.findProducts([...new Set(request.productIds)]);
      return { products: found.filter(({ product }) => maySee(product, actor)).map(productMessage) };
    },

    async updateProduct(request) {
      const user = requireUser();
      const message = required(request.product);
      if (message.id === '') throw invalidField('product.id', 'ID_MISSING', 'says which product to change');
      const changes: Partial<ProductContent> = maskedProduct(message, request.updateMask?.paths ?? []);
      const now = env.now();
      return store.change(repeatable(method.updateProduct, request, { actor: user.id, now }), async (tx) => {
        const found = await tx.lockProduct(message.id);
        if (found === undefined) throw productNotFound(message.id);
        assertMayChange(found.product, toActor(user));
        assertEtag(found.product, message.etag);
        const product = updateProduct(found.product, changes, { now, newVariantId, cleanHtml });
        await tx.writeProducts([product]);
        const available = await tx.availableOf(product);
        return {
          $typeName: 'only2u.product.v1.UpdateProductResponse' as const,
          product: productMessage({ product, available }),
        };
      });
    },

    async deleteProduct(request) {
      const user = requireUser();
      const now = env.now();
      return store.change(repeatable(method.deleteProduct, request, { actor: user.id, now }), async (tx) => {
        const found = await tx.lockProduct(request.productId);
        if (found === undefined) throw productNotFound(request.productId);
        assertMayChange(found.product, toActor(user));
        assertEtag(found.product, request.etag);
        await tx.deleteProduct(found.product, now);
        return { $typeName: 'only2u.product.v1.DeleteProductResponse' as const };
      });
    },
  };
}

/** A user as the rules see it. */
export function toActor(user: User): Actor {
  return { id: user.id, isAdmin: user.roles.includes('admin') };
}

function currentActor(): Actor | undefined {
  const user = currentCall()?.user;
  return user && toActor(user);
}

function handleFor(tx: CatalogTx, product: { readonly title: string }): Promise<string> {
  return tx.freeHandle(slugify(product.title) || 'product'); // a title without Latin letters
}

function assertMayList(status: ProductStatus, vendorId: string): void {
  if (status === 'published') return;
  const { id, isAdmin } = toActor(requireUser());
  if (isAdmin || id === vendorId) return;
  throw new Fault(
    'permission-denied',
    'NOT_YOUR_PRODUCTS',
    'Products that are not on sale are listed for their vendor only: name yourself in vendor_id.',
    {
      metadata: { vendor_id: vendorId },
    },
  );
}

// The contract requires it; its type can't say so.
function required<T>(message: T | undefined): T {
  if (message === undefined) throw invalidField('product', 'REQUIRED', 'is required');
  return message;
}
