import {
  create,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Fault } from '../fault.ts';
import { type Call, withCall } from './call.ts';
import { LazyHandlerContext } from './handler-context.ts';
import type { ServerHooks } from './hooks.ts';
import type { IncomingCall } from './incoming-call.ts';
import { toConnectError } from './status.ts';

/** A call on its way through the hooks: admitted, run, and told of once when it has ended. */
export class ServedCall {
  readonly incoming: IncomingCall;
  readonly context: LazyHandlerContext;
  readonly #hooks: ServerHooks;
  #call: Call | undefined;
  #admitting = false;
  #ready = false;
  #over = false;
  #tellLate: (() => void) | undefined;

  constructor(hooks: ServerHooks, incoming: IncomingCall) {
    this.#hooks = hooks;
    this.incoming = incoming;
    this.context = new LazyHandlerContext(incoming);
  }

  /** Whether the call was admitted and may run. */
  get isAdmitted(): boolean {
    return this.#ready && !this.#over;
  }

  /** Asks for admission; `admitted` is told at once where the hooks answer at once. A refusal is sent. */
  admit(admitted: () => void): void {
    try {
      const call = this.#hooks.admit(this.incoming);
      if (!(call instanceof Promise)) {
        this.#begin(call, admitted);
        return;
      }
      this.#admitting = true;
      const settled = (): void => {
        this.#admitting = false;
        this.#tellLate?.();
      };
      call.then(
        (late) => {
          this.#call = late;
          settled();
          if (!this.#over) this.#begin(late, admitted);
        },
        (error: unknown) => {
          settled();
          this.failed(error);
        },
      );
    } catch (error) {
      this.failed(error);
    }
  }

  #begin(call: Call, admitted: () => void): void {
    this.#call = call;
    if (call.deadlineMs !== undefined) this.incoming.keepDeadline(call.deadlineMs);
    const go = (): void => {
      this.#ready = true;
      admitted();
    };
    try {
      const begun = this.#hooks.begin?.(this.incoming, call);
      if (begun === undefined) go();
      else begun.then(go, (error: unknown) => this.failed(error));
    } catch (error) {
      this.failed(error);
    }
  }

  /** Runs `work` as part of the admitted call. */
  run(work: () => void): void {
    if (this.#call !== undefined && this.isAdmitted) withCall(this.#call, work);
  }

  /** A request message from its bytes, decoded and checked. */
  decode(desc: DescMessage, bytes: Uint8Array): Message {
    let message: Message;
    try {
      message = fromBinary(desc, bytes);
    } catch (cause) {
      throw new Fault('invalid-argument', 'MALFORMED_REQUEST', `the request is no valid ${desc.typeName}`, { cause });
    }
    this.#hooks.check(this.incoming.method, message);
    return message;
  }

  /** Tells the hooks that the answer is complete, or that it came too late. */
  succeeded(): void {
    if (this.incoming.isGone) {
      this.failed(this.incoming.gone());
      return;
    }
    if (this.#over) return;
    this.#over = true;
    this.#hooks.ended(this.incoming, this.#call, 0, undefined, performance.now() - this.incoming.startedMs);
  }

  /** Tells the hooks of the error and the caller of what it may know of it. */
  failed(thrown: unknown): void {
    if (this.#over) return;
    this.#over = true;
    // Who has gone away reads no status, and what the handler stumbled over then is not why the call ended.
    const error: unknown = this.incoming.isGone ? this.incoming.gone() : thrown;
    const answer = toConnectError(error);
    const durationMs = performance.now() - this.incoming.startedMs;
    const tell = (): void => this.#hooks.ended(this.incoming, this.#call, answer.code, error, durationMs);
    // Who goes away while it is still decided may yet be admitted, and then has to leave as one who was.
    if (this.#admitting) this.#tellLate = tell;
    else tell();
    try {
      this.incoming.fail(answer, this.context.setHeader, this.context.setTrailer);
    } catch {
      this.incoming.abort(); // headers that HTTP/2 doesn't take, set by the handler
    }
  }
}

/** The bytes of a handler's answer, which may be a message or what makes one. */
export function encode(desc: DescMessage, value: object): Uint8Array {
  const message = '$typeName' in value ? (value as Message) : create(desc, value as MessageInitShape<DescMessage>);
  return toBinary(desc, message);
}
