import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { OnceOptions } from './request-id.postgres.ts';

/** Who asks (the user's id, or the workload for calls without a user), and when. */
export type Asked = { readonly actor: string; readonly now: Date };

/** What `once` needs to know of a call to answer a repeated one with the first answer. */
export function repeatable<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageShape<I> & { readonly requestId: string },
  { actor, now }: Asked,
): OnceOptions<O> {
  const name = `${method.parent.typeName}/${method.name}`;
  return { actor, method: name, requestId: request.requestId, request, schema: method.output, now };
}
