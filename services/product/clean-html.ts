import sanitize from 'sanitize-html';

const options: sanitize.IOptions = {
  allowedTags: [
    ...['a', 'abbr', 'b', 'blockquote', 'br', 'caption', 'code', 'col', 'colgroup', 'dd', 'del', 'div', 'dl', 'dt'],
    ...['em', 'figcaption', 'figure', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i', 'img', 'ins', 'li', 'mark', 'ol'],
    ...['p', 'pre', 'q', 's', 'small', 'span', 'strong', 'sub', 'sup', 'table', 'tbody', 'td', 'tfoot', 'th', 'thead'],
    ...['tr', 'u', 'ul'],
  ],
  allowedAttributes: {
    a: ['href', 'title', 'rel'],
    abbr: ['title'],
    col: ['span'],
    colgroup: ['span'],
    img: ['src', 'alt', 'width', 'height'],
    ol: ['start'],
    td: ['colspan', 'rowspan'],
    th: ['colspan', 'rowspan', 'scope'],
  },
  allowedSchemes: ['https', 'mailto', 'tel'],
  allowedSchemesByTag: { img: ['https'] },
  allowedSchemesAppliedToAttributes: ['href', 'src'],
  allowProtocolRelative: false,
  nonTextTags: [
    ...['script', 'style', 'textarea', 'option', 'noscript', 'template', 'title', 'iframe', 'object', 'svg', 'math'],
  ],
  nestingLimit: 50, // a browser lays out no deeper either; the rest of a bomb is dropped
  disallowedTagsMode: 'discard',
  // Links of a vendor's own are no recommendation of the shop, and may not reach into its page.
  transformTags: { a: (tagName, attribs) => ({ tagName, attribs: { ...attribs, rel: 'nofollow noopener' } }) },
};

/**
 * The harmless part of a description's HTML: text and its markup, https pictures and links; no scripts, styles, forms,
 * frames, event handlers or other schemes. What it answers it leaves alone: clean(clean(x)) is clean(x). Costs some
 * 30 ms for 64 KiB of markup, and nothing for text without any.
 */
export function cleanHtml(html: string): string {
  let text = html.replaceAll('\r\n', '\n').replaceAll('\0', '');
  if (!text.includes('<')) return text;
  for (let round = 0; round < mostRounds; round++) {
    const clean = sanitize(text, options);
    if (clean === text) break;
    text = clean;
  }
  return text;
}

const mostRounds = 4; // tags that close others, such as <table><tr><tr>, come to rest in the second; the third sees it
