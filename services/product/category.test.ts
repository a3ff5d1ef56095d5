import { describe, expect, test } from '@jest/globals';
import { createCategory, depthOf, isWithin, maxDepth, updateCategory, type Category } from './category.ts';
import { createCategoryTree } from './category-tree.ts';

const now = new Date('2026-05-01T10:00:00Z');
const make = (id: string, title: string, parent?: Category): Category =>
  createCategory({ title, slug: '', parentId: parent?.id ?? '' }, { id, parent, now });

const men = make('cat_1', 'Men');
const shirts = make('cat_2', 'Shirts & Tops', men);
const linen = make('cat_3', 'Linen', shirts);
const women = make('cat_4', 'Women');

describe('a category', () => {
  test('has its slug from the title and its path from the top', () => {
    expect(shirts).toMatchObject({
      slug: 'shirts-and-tops',
      path: 'men/shirts-and-tops',
      parentId: 'cat_1',
      version: 1,
    });
  });

  test('is refused without a title, or without a slug where the title gives none', () => {
    expect(() => make('cat_9', ' ')).toThrow(/title/);
    expect(() => make('cat_9', 'कुर्ता')).toThrow(/slug/);
    expect(() => make('cat_9', 'a\0b')).toThrow(/control character/);
  });

  test('can’t stand below itself or what lies below it', () => {
    for (const parent of [men, shirts, linen]) {
      expect(() => updateCategory(men, { parentId: parent.id }, { parent, height: 2, now })).toThrow(/below itself/);
    }
    expect(updateCategory(shirts, { parentId: women.id }, { parent: women, height: 1, now }).path).toBe(
      'women/shirts-and-tops',
    );
  });

  test('lies at most eight levels deep, with what is below it', () => {
    let deepest = men;
    while (depthOf(deepest.path) < maxDepth) deepest = make(`cat_d${depthOf(deepest.path)}`, 'Down', deepest);
    expect(() => make('cat_9', 'Deeper', deepest)).toThrow(/8 levels/);
    expect(() => updateCategory(women, { parentId: shirts.id }, { parent: shirts, height: 6, now })).toThrow(
      /8 levels/,
    );
  });

  test('is within another by whole slugs', () => {
    expect(isWithin('men-at-work', 'men')).toBe(false);
    expect(isWithin('men/shirts', 'men')).toBe(true);
  });
});

test('a tree knows what lies below and above', () => {
  const tree = createCategoryTree([men, shirts, linen, women]);
  expect(tree.below(['cat_1']).sort()).toEqual(['cat_1', 'cat_2', 'cat_3']);
  expect(tree.below(['cat_2', 'cat_4', 'cat_unknown']).sort()).toEqual(['cat_2', 'cat_3', 'cat_4']);
  expect(tree.line('cat_3').map(({ title }) => title)).toEqual(['Men', 'Shirts & Tops', 'Linen']);
  expect(tree.line('cat_unknown')).toEqual([]);
});
