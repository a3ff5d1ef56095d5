import { create, type Message } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { UserCreatedSchema, UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import type { UserEvent } from './store.ts';

/** What the other services read of an event. */
export function encodeEvent({ kind, userId, time }: UserEvent): Message {
  return kind === 'created'
    ? create(UserCreatedSchema, { userId, createTime: timestampFromDate(time) })
    : create(UserDeletedSchema, { userId, deleteTime: timestampFromDate(time) });
}
