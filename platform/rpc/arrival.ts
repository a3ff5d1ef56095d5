import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Metadata } from '@grpc/grpc-js';
import type { Arrival } from './hooks.ts';

/** What all of grpc-js's calls on a server have in common. */
export type SurfaceCall = {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getDeadline(): Date | number;
  getPeer(): string;
  getHost(): string;
  once(event: 'cancelled', listener: () => void): unknown;
};

/** An arrival over grpc-js. What costs something is worked out when it is first asked for. */
export class ServerArrival implements Arrival {
  readonly method: DescMethod;
  readonly startedMs: number = performance.now();
  readonly #call: SurfaceCall;
  readonly #peers: ReadonlyMap<string, string | undefined>;
  #controller: AbortController | undefined;
  #finished = false;

  constructor(method: DescMethod, call: SurfaceCall, peers: ReadonlyMap<string, string | undefined>) {
    this.method = method;
    this.#call = call;
    this.#peers = peers;
  }

  get metadata(): Metadata {
    return this.#call.metadata;
  }

  get host(): string {
    return this.#call.getHost();
  }

  get spiffeId(): string | undefined {
    return this.#peers.get(this.#call.getPeer());
  }

  get deadlineMs(): number | undefined {
    const deadline = this.#call.getDeadline();
    return deadline === Infinity ? undefined : Number(deadline);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#call.cancelled || this.#finished) controller.abort(this.gone());
      // grpc-js tells of a cancellation, of a deadline that passed, and of the end of a call that went well.
      else this.#call.once('cancelled', () => controller.abort(this.gone()));
    }
    return this.#controller.signal;
  }

  /** Whether nobody waits for the answer any more. */
  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  /** Why the call ended without the handler: its deadline passed, or the caller went away. */
  gone(): ConnectError {
    const { deadlineMs } = this;
    return deadlineMs !== undefined && Date.now() >= deadlineMs - 1 // timers may fire a millisecond early
      ? new ConnectError('the deadline passed', Code.DeadlineExceeded)
      : new ConnectError('the call was canceled', Code.Canceled);
  }

  /** Tells what still watches the signal that the call is over. */
  finish(): void {
    this.#finished = true;
    this.#controller?.abort(this.gone());
  }
}
