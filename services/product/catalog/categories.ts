/** A category of the samples, with the product types that stand in it. */
export type SampleCategory = {
  readonly title: string;
  readonly types?: readonly string[];
  readonly children?: readonly SampleCategory[];
};

/** The format of the catalog has no column for categories: they go by the products' types. */
export const sampleCategories: readonly SampleCategory[] = [
  {
    title: 'Clothing',
    children: [
      { title: 'Ethnic wear', types: ['Kurta', 'Saree'] },
      { title: 'Shirts and T-shirts', types: ['Shirt', 'T-shirt'] },
      { title: 'Jeans', types: ['Jeans'] },
      { title: 'Jackets and knitwear', types: ['Jacket', 'Jumper', 'Stole'] },
      { title: 'Sportswear', types: ['Shorts', 'Sports bra', 'Leggings'] },
      { title: 'Kids and baby', types: ['Nightwear', 'Baby'] },
      { title: 'Footwear', types: ['Sandals', 'Sneakers', 'Socks'] },
      { title: 'Bags', types: ['Bag'] },
    ],
  },
  {
    title: 'Home',
    children: [
      { title: 'Kitchen', types: ['Cookware', 'Lunch box', 'Bottle', 'Kitchen tool', 'Bowl'] },
      { title: 'Bed and bath', types: ['Bed linen', 'Towel'] },
      { title: 'Living', types: ['Rug', 'Lamp', 'Candle', 'Storage', 'Planter'] },
    ],
  },
  {
    title: 'Beauty',
    children: [
      { title: 'Skincare', types: ['Face oil', 'Face wash', 'Sunscreen', 'Toner'] },
      { title: 'Hair and grooming', types: ['Hair', 'Hair oil', 'Grooming'] },
      { title: 'Make-up', types: ['Lipstick', 'Kajal'] },
    ],
  },
  {
    title: 'Electronics',
    children: [
      { title: 'Power', types: ['Charger', 'Cable', 'Power bank'] },
      { title: 'Audio', types: ['Earbuds', 'Headphones'] },
      { title: 'Desk', types: ['Laptop sleeve', 'Stand', 'Keyboard'] },
    ],
  },
  {
    title: 'Food',
    children: [
      { title: 'Coffee and tea', types: ['Coffee', 'Tea'] },
      { title: 'Pantry', types: ['Preserve', 'Honey', 'Spice', 'Pickle'] },
      { title: 'Snacks', types: ['Snack'] },
    ],
  },
  { title: 'Gifts and services', types: ['Service', 'Stationery'] },
];
