import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { ProductSchema, ProductStatus } from '#gen/only2u/product/v1/product_pb.ts';

/** A product of some 700 bytes: four variants, two pictures, a short description. */
export const sampleProduct = create(ProductSchema, {
  id: 'prd_06f3xk2m9q4t7w0z1b5c8d',
  handle: 'handloom-cotton-shirt',
  vendorId: 'usr_06f3xk2m9q4t7w0z1b5c8d',
  title: 'Handloom cotton shirt',
  descriptionHtml: '<p>Woven by hand, worn soft. Wash cold, dry in the shade.</p>',
  brand: 'Kala',
  productType: 'Shirt',
  tags: ['cotton', 'handloom', 'shirt'],
  status: ProductStatus.PUBLISHED,
  options: [{ name: 'Size', values: ['S', 'M', 'L', 'XL'] }],
  variants: ['S', 'M', 'L', 'XL'].map((size, index) => ({
    id: `var_06f3xk2m9q4t7w0z1b5c8${index}`,
    sku: `KALA-SHIRT-${size}`,
    optionValues: [size],
    price: { minorUnits: 149_900n, currency: 'INR' },
    weightGrams: 220,
    requiresShipping: true,
    taxable: true,
    stockTracked: true,
    available: 12 + index,
  })),
  images: [
    { url: 'https://images.example.com/handloom-cotton-shirt-1.jpg', alt: 'The shirt, from the front' },
    { url: 'https://images.example.com/handloom-cotton-shirt-2.jpg', alt: 'The shirt, from the back' },
  ],
  createTime: timestampFromMs(1_790_000_000_000),
  updateTime: timestampFromMs(1_790_000_000_000),
  etag: '1',
});

const adjectives =
  'soft woven light heavy classic slim loose striped printed plain dyed washed quilted ribbed brushed fine'.split(' ');
const materials =
  'cotton linen silk wool denim jute bamboo leather canvas khadi velvet satin fleece hemp modal twill'.split(' ');
const things = 'shirt kurta saree jacket trousers scarf bag cushion towel blanket apron dress skirt vest cap rug'.split(
  ' ',
);
const people = ['women', 'men', 'kids'];
const seasons = ['summer', 'winter'];

const pick = (words: readonly string[], number: number) => words[number % words.length] ?? '';

/** Rows of a product file in Shopify's format, `count` products from number `first`, with one rare word each. */
export function* productFile(first: number, count: number): Generator<string> {
  yield 'Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Image Src\n';
  for (let number = first; number < first + count; number += 1) {
    const title = titleOf(number);
    const handle = `product-${number}`;
    const head = `${handle},${title},<p>${title} for every day.</p>,Brand ${number % 97},${pick(things, number)},"${pick(materials, number >> 4)}, tag-${number % 500}",true,Size`;
    const tail = (size: string) =>
      `SKU-${number}-${size},200,shopify,${10 + (number % 90)},deny,${199 + (number % 4000)}.00`;
    yield `${head},S,${tail('S')},https://images.example.com/${handle}.jpg\n`;
    yield `${handle},,,,,,,,L,${tail('L')},\n`;
  }
}

/**
 * "Soft cotton shirt model9x for women in summer": three words of which a sixteenth of the products has each, one that few share,
 * and two that a third and a half have: both of them 166 of 1,000 products.
 */
export function titleOf(number: number): string {
  const [who, when] = commonestWords(number);
  return `${pick(adjectives, number * 7)} ${pick(materials, number >> 4)} ${pick(things, number)} ${rareWord(number)} for ${who} in ${when}`;
}

/** For whom and when: the two words of a title that most others have. */
export function commonestWords(number: number): readonly [who: string, when: string] {
  return [pick(people, number), pick(seasons, Math.floor(number / 3))];
}

/** A word that some ten products share, however many there are. */
export function rareWord(number: number): string {
  return `model${Math.floor(number / 10).toString(36)}x`;
}
