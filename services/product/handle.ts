const maxLength = 255;

// Latin letters that have no decomposition into a base letter and a mark.
const spelled: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
  ħ: 'h',
  ŋ: 'n',
};

/** Lower case without accents: "Crème BRÛLÉE" → "creme brulee". Scripts other than Latin stay as they are. */
export function fold(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[ßæœøłđðþıħŋ]/g, (letter) => spelled[letter] ?? letter)
    .normalize('NFC');
}

/**
 * A name for addresses made from a title: lower-case ASCII letters and digits, joined by hyphens. Empty when the title has
 * none (a title in Devanagari, say): the caller has a word of its own for that.
 */
export function slugify(title: string, longest = maxLength): string {
  return fold(title.replaceAll('&', ' and '))
    .replace(/['’]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, longest)
    .replace(/-+$/, '');
}

/** The first of base, base-2, base-3, … that isn't taken. */
export function uniqueHandle(base: string, taken: ReadonlySet<string>): string {
  if (!taken.has(base)) return base;
  for (let number = 2; ; number++) {
    const suffix = `-${number}`;
    const handle = base.slice(0, maxLength - suffix.length).replace(/-+$/, '') + suffix;
    if (!taken.has(handle)) return handle;
  }
}
