import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { Replayable } from './store.ts';

export type Repeated<I extends DescMessage> = {
  /** The user's id, or the workload's name. */
  readonly actor: string;
  readonly request: MessageShape<I> & { readonly requestId: string };
  readonly now: Date;
};

/** What `Transaction.once` needs to know of a call to a method. */
export function repeatable<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  { actor, request, now }: Repeated<I>,
): Replayable<O> {
  const name = `${method.parent.typeName}/${method.name}`;
  return { actor, method: name, requestId: request.requestId, request, schema: method.output, now };
}
