import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Item } from './pricing-items.ts';
import { byVendor, parcelOf, quoteParts } from './pricing-parts.ts';
import { lineTotal, partTotal, taxAmount, totalsOf } from './quote.ts';
import { createFlatShipping, indianRates } from './shipping.ts';
import type { Supply } from './tax.ts';
import { createGst } from './tax-rates.ts';

const shipping = createFlatShipping(indianRates);
const date = new Date('2026-03-01T10:00:00Z');

const anyItem = fc.record({
  vendorId: fc.constantFrom('usr_a', 'usr_b', 'usr_c'),
  productType: fc.constantFrom('Shirt', 'Sandals', 'Tea', 'Lamp', 'Book'),
  unitPrice: fc.bigInt({ min: 0n, max: 5_000_000n }),
  quantity: fc.integer({ min: 1, max: 20 }),
  taxable: fc.boolean(),
  posted: fc.boolean(),
  /** Of the line, in thousandths. */
  off: fc.integer({ min: 0, max: 1000 }),
});

const anyCart = fc.record({
  items: fc.array(anyItem, { minLength: 1, maxLength: 20 }),
  shippingOff: fc.integer({ min: 0, max: 1000 }),
  supply: fc.constantFrom<Supply>('within-state', 'between-states', 'export'),
});

test('lines, shipping, discounts and taxes of any cart add up to its total, to the paisa', () => {
  fc.assert(
    fc.property(anyCart, ({ items: drawn, shippingOff, supply }) => {
      const items = drawn.map((line, index): Item => ({ ...rest, ...line, variantId: `var_${index}` }));
      const byVariant = new Map(
        drawn.map(({ unitPrice, quantity, off }, index) => [
          `var_${index}`,
          (unitPrice * BigInt(quantity) * BigInt(off)) / 1000n,
        ]),
      );
      const vendors = byVendor(items);
      const [chosen] = shipping.optionsFor(
        { countryCode: 'IN', postalCode: '' },
        vendors.map((one) => parcelOf(one, 'INR')),
      );
      if (chosen === undefined) throw new Error('not sent');
      const paid = chosen.prices.reduce((sum, price) => sum + price, 0n);
      const discounts = { byVariant, shipping: (paid * BigInt(shippingOff)) / 1000n };
      const parts = quoteParts({
        vendors,
        currency: 'INR',
        shipping: chosen,
        discounts,
        supply,
        taxRules: createGst(),
        date,
      });

      const totals = totalsOf({ parts });
      const lines = parts.flatMap((part) => part.lines);
      expect(lines).toHaveLength(items.length);
      expect(totals.total).toBe(parts.reduce((sum, part) => sum + partTotal(part), 0n));
      expect(totals.discount).toBe([...byVariant.values()].reduce((sum, off) => sum + off, 0n) + discounts.shipping);
      const taxes = [...lines.map((line) => line.tax), ...parts.map((part) => part.shippingTax)];
      expect(totals.total).toBe(taxes.reduce((sum, tax) => sum + tax.taxable + taxAmount(tax), 0n));
      expect(totals.tax).toBe(taxes.reduce((sum, tax) => sum + taxAmount(tax), 0n));
      for (const line of lines) expect(line.tax.taxable + taxAmount(line.tax)).toBe(lineTotal(line));
      for (const part of parts) {
        expect(part.shippingDiscount >= 0n && part.shippingDiscount <= part.shipping).toBe(true);
        expect(part.lines.every(({ vendorId }) => vendorId === part.vendorId)).toBe(true);
      }
    }),
  );
});

const rest = {
  productId: 'prd_1',
  title: 'Thing',
  variantTitle: '',
  sku: '',
  imageUrl: '',
  categoryIds: [],
  currency: 'INR',
  onSale: true,
  maxQuantity: 1000,
  weightGrams: 100,
};
