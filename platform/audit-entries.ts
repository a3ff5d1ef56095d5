import { createHash } from 'node:crypto';
import { fromBinary } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import {
  type AuditEntry,
  AuditEntrySchema,
  AuditService,
  type ListAuditEntriesRequest,
} from '#gen/only2u/operation/v1/audit_pb.ts';
import { auditLog } from './audit.ts';
import { invalidField } from './fault.ts';
import { entryIdAt, entryTimeMs, isEntryId } from './message-log-id.ts';
import { maxPage, type MessageLog } from './message-log.ts';
import { pageSizeOf } from './paging.ts';
import { handle, type Handlers } from './service.ts';

export type AuditEntriesOptions = {
  /** Whose calls are shown. */
  readonly service: string;
  readonly entries: MessageLog;
};

const maxLooked = 2_000; // of a method that is rarely called; the next page goes on from there

/** Answers operators for the audited calls of one service. */
export function handleAuditEntries({ service, entries }: AuditEntriesOptions): Handlers {
  return handle(AuditService, {
    async listAuditEntries(request) {
      const limit = pageSizeOf(request);
      const bounds = boundsOf(request);
      const filter = filterOf(service, request);
      const found: AuditEntry[] = [];
      let before = openToken(filter, request.pageToken) ?? bounds.before;
      for (let looked = 0; looked < maxLooked;) {
        // One more than asked for tells whether there is another page.
        const size = request.method === '' ? limit + 1 : maxPage;
        const page = await entries.newestFirst(service, { before, limit: size });
        for (const { id, type, body } of page) {
          if (entryTimeMs(id) < bounds.startMs) return { auditEntries: found, nextPageToken: '' };
          const isAsked = request.method === '' || type === request.method || type.endsWith(`/${request.method}`);
          if (isAsked && found.length === limit) return { auditEntries: found, nextPageToken: seal(filter, before) };
          if (isAsked) found.push(fromBinary(AuditEntrySchema, body));
          before = id;
        }
        if (page.length < size) return { auditEntries: found, nextPageToken: '' };
        looked += page.length;
      }
      return { auditEntries: found, nextPageToken: seal(filter, before) };
    },
  });
}

function boundsOf({ startTime, endTime }: ListAuditEntriesRequest) {
  const startMs = startTime === undefined ? 0 : timestampMs(startTime);
  const endMs = endTime === undefined ? undefined : timestampMs(endTime);
  if (endMs !== undefined && endMs <= startMs)
    throw invalidField('end_time', 'TIMES_REVERSED', 'has to be after the start.');
  return { startMs, before: endMs === undefined ? undefined : entryIdAt(auditLog.prefix, new Date(endMs)) };
}

/** What a token is bound to: whose list, and of what. */
function filterOf(service: string, { method, startTime, endTime }: ListAuditEntriesRequest): string {
  const times = [startTime, endTime].map((time) => (time === undefined ? '' : String(timestampMs(time))));
  return createHash('sha256')
    .update(JSON.stringify([service, method, ...times]))
    .digest('base64url')
    .slice(0, 16);
}

// It stands for where the page before ended, and tells nothing that the page didn't: it need not be sealed against operators.
function seal(filter: string, id: string | undefined): string {
  return Buffer.from(`${filter} ${id}`).toString('base64url');
}

function openToken(filter: string, token: string): string | undefined {
  if (token === '') return undefined;
  const text = z.base64url().safeParse(token).success ? Buffer.from(token, 'base64url').toString() : '';
  const [of, id = ''] = text.split(' ');
  if (of !== filter || !isEntryId(auditLog.prefix, id))
    throw invalidField('page_token', 'PAGE_TOKEN_INVALID', 'is not of this list; leave it out to begin again');
  return id;
}
