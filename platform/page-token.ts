import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { invalidField } from './fault.ts';

/** Makes and reads the opaque tokens that stand for "where the page before ended". */
export type PageTokens = {
  /**
   * `method` and `filter` (whatever else of the request decides what is listed, and how it is sorted) are bound to the token;
   * `cursor` is any JSON.
   */
  seal(method: string, filter: unknown, cursor: unknown): string;
  /** The cursor of a token of the same method and filter; undefined for "", the first page. Anything else is refused. */
  open(method: string, filter: unknown, token: string): unknown;
};

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + 4 + nonceBytes;
const lifeSeconds = 3 * 24 * 60 * 60; // outlasts a laptop that was closed over the weekend

/**
 * Tokens under AES-256-GCM: a client can neither read nor change the cursor, nor carry it over to another list. Every
 * process of a service needs the same key; `key` is any secret of 32 characters or more.
 */
export function pageTokens(key: string, now: () => Date = () => new Date()): PageTokens {
  if (key.length < 32) throw new Error('The key of page tokens needs 32 characters or more');
  const secret = createHash('sha256').update('only2u page token\0').update(key).digest();
  const nowSeconds = (): number => Math.floor(now().getTime() / 1_000);
  return {
    seal(method, filter, cursor) {
      const head = Buffer.alloc(headBytes);
      head.writeUInt8(version, 0);
      head.writeUInt32BE(nowSeconds() + lifeSeconds, 1);
      randomBytes(nonceBytes).copy(head, 5);
      const cipher = createCipheriv('aes-256-gcm', secret, head.subarray(5));
      cipher.setAAD(bound(head, method, filter));
      const body = Buffer.concat([cipher.update(JSON.stringify(cursor), 'utf8'), cipher.final()]);
      return Buffer.concat([head, body, cipher.getAuthTag()]).toString('base64url');
    },
    open(method, filter, token) {
      if (token === '') return undefined;
      const bytes = Buffer.from(token, 'base64url');
      if (bytes.length < headBytes + tagBytes || bytes[0] !== version || bytes.toString('base64url') !== token)
        throw refused();
      const head = bytes.subarray(0, headBytes);
      const decipher = createDecipheriv('aes-256-gcm', secret, head.subarray(5), { authTagLength: tagBytes });
      decipher.setAAD(bound(head, method, filter));
      decipher.setAuthTag(bytes.subarray(-tagBytes));
      let text: string;
      try {
        text = Buffer.concat([decipher.update(bytes.subarray(headBytes, -tagBytes)), decipher.final()]).toString(
          'utf8',
        );
      } catch {
        throw refused();
      }
      if (head.readUInt32BE(1) < nowSeconds()) throw expired();
      const cursor: unknown = JSON.parse(text);
      return cursor;
    },
  };
}

function bound(head: Buffer, method: string, filter: unknown): Buffer {
  const fingerprint = JSON.stringify([method, filter], (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  return Buffer.concat([head, createHash('sha256').update(fingerprint).digest()]);
}

const refused = () =>
  invalidField(
    'page_token',
    'PAGE_TOKEN_INVALID',
    'is not the next_page_token of a page of this same list; leave it out to begin at the first page',
  );

const expired = () =>
  invalidField('page_token', 'PAGE_TOKEN_INVALID', 'has expired; leave it out to begin at the first page');
