import type { TaxedGoods, TaxRules } from './tax.ts';

/** What GST knows goods as: those of a class are taxed alike. */
export type TaxClass = 'standard' | 'reduced' | 'exempt' | 'jewellery' | 'apparel' | 'footwear';

/** From a day on: one rate, or two with the value of a piece that divides them. */
type Rate = {
  /** Unix milliseconds. */
  readonly from: number;
  readonly rate: number;
  /** Above so many paise a piece, without the tax. */
  readonly above?: { readonly value: bigint; readonly rate: number };
};

/**
 * The rates by law, the latest last. Notification 9/2025-Central Tax (Rate) and 9/2025-Integrated Tax (Rate) of 17 September
 * 2025 (G.S.R. 642(E) for the latter) replaced 1/2017 on 22 September 2025: Schedule I 5%, II 18%, IV 3%. Chapters 61 to
 * 64 are in Schedule I up to ₹2,500 a piece or pair, in II above. Before: 1/2017-Central Tax (Rate), for
 * footwear with 21/2021. What is exempt is in 10/2025, before in 2/2017. A day before a class's first is at the standard rate.
 */
const rates: Readonly<Record<TaxClass, readonly Rate[]>> = {
  standard: [{ from: inIndia('2017-07-01'), rate: 1800 }],
  reduced: [{ from: inIndia('2025-09-22'), rate: 500 }],
  exempt: [{ from: inIndia('2017-07-01'), rate: 0 }],
  jewellery: [{ from: inIndia('2017-07-01'), rate: 300 }],
  apparel: [
    { from: inIndia('2017-07-01'), rate: 500, above: { value: 100_000n, rate: 1200 } },
    { from: inIndia('2025-09-22'), rate: 500, above: { value: 250_000n, rate: 1800 } },
  ],
  footwear: [
    { from: inIndia('2022-01-01'), rate: 1200, above: { value: 100_000n, rate: 1800 } },
    { from: inIndia('2025-09-22'), rate: 500, above: { value: 250_000n, rate: 1800 } },
  ],
};

/**
 * The class of what vendors call their products, in small letters. Short on purpose: what is not here is taxed at the standard
 * rate, which is too little only for Schedule III (40%: tobacco, sweet drinks), and a shop says more of its own categories (see
 * `readTaxClasses`).
 * Sarees are fabric, 5% at any price (CBIC, GST rate FAQs of 27 July 2017), hence "reduced".
 */
const classOfType: Readonly<Record<string, TaxClass>> = {
  ...typesOf(
    'apparel',
    `kurta, kurti, shirt, t-shirt, top, blouse, dress, skirt, jeans, trousers, shorts, leggings, jacket, coat, jumper, sweater,
     hoodie, lehenga, salwar, dupatta, stole, scarf, shawl, sports bra, nightwear, underwear, socks, baby, bed linen, towel`,
  ),
  ...typesOf('footwear', 'footwear, shoes, sandals, sneakers, slippers, boots'),
  ...typesOf(
    'reduced',
    `saree, sari, fabric, hair oil, shampoo, soap, candle, cookware, tableware, rug, carpet, toy,
     coffee, tea, preserve, honey, spice, pickle, snack, chocolate`,
  ),
  ...typesOf('jewellery', 'jewellery, jewelry, earrings, necklace, bangles'),
  ...typesOf('exempt', 'book, books'),
};

/** GST as the table has it; `classOfCategory` is the shop's own say about its categories, and goes before a product's type. */
export function createGst(classOfCategory: ReadonlyMap<string, TaxClass> = new Map()): TaxRules {
  return {
    rateOf(goods) {
      const category = goods.categoryIds.find((id) => classOfCategory.has(id));
      const chosen = category === undefined ? undefined : classOfCategory.get(category);
      return rateOfClass(chosen ?? classOf(goods.productType), goods);
    },
  };
}

/** Reads "cat_books=exempt,cat_shoes=footwear": classes by category. Throws what is wrong with it. */
export function readTaxClasses(text: string): ReadonlyMap<string, TaxClass> {
  const entries = text.split(',').map((entry) => entry.trim());
  return new Map(
    entries
      .filter((entry) => entry !== '')
      .map((entry) => {
        const [category = '', name = ''] = entry.split('=').map((part) => part.trim());
        const found = taxClasses.find((taxClass) => taxClass === name);
        if (category === '' || found === undefined) {
          throw new Error(`"${entry}" is not category=class, with a class of ${taxClasses.join(', ')}`);
        }
        return [category, found] as const;
      }),
  );
}

export const taxClasses: readonly TaxClass[] = ['standard', 'reduced', 'exempt', 'jewellery', 'apparel', 'footwear'];

function classOf(productType: string): TaxClass {
  const name = productType.trim().toLowerCase();
  return Object.hasOwn(classOfType, name) ? (classOfType[name] ?? 'standard') : 'standard';
}

/**
 * Where the value of a piece divides the rates, it is the one of this sale (CGST Act, section 15): after discounts and without
 * the tax. Prices here include it, so the lower rate holds if what is left without the tax at that rate is not above the limit:
 * ₹2,625 for 5% and ₹2,500. Between there and ₹2,950 neither rate agrees with itself; the higher one is taken, as it is
 * where the limit means nothing: in another currency.
 */
function rateOfClass(taxClass: TaxClass, { total, quantity, currency, date }: TaxedGoods): number {
  const current = rates[taxClass].findLast(({ from }) => from <= date.getTime()) ?? rates.standard[0];
  if (current === undefined) throw new Error(`There is no rate for ${taxClass}`);
  if (current.above === undefined) return current.rate;
  const limit = current.above.value * BigInt(quantity) * BigInt(10_000 + current.rate);
  return currency === 'INR' && total * 10_000n <= limit ? current.rate : current.above.rate;
}

// The law's days begin at midnight in India.
function inIndia(day: string): number {
  return Date.parse(`${day}T00:00:00+05:30`);
}

function typesOf(taxClass: TaxClass, list: string): Record<string, TaxClass> {
  return Object.fromEntries(list.split(',').map((type) => [type.trim(), taxClass]));
}
