import type { DescService } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import type { Grants } from '#gen/mesh/grants.ts';

type NameOf<S> = {
  [Name in keyof Grants]: S extends Grants[Name]['contract']
    ? Grants[Name]['contract'] extends S
      ? Name
      : never
    : never;
}[keyof Grants];

type CallersOf<S, M> = M extends keyof Grants[NameOf<S>]['callers'] ? Grants[NameOf<S>]['callers'][M] : never;

type PathOf<S, M> = `${NameOf<S>}/${Capitalize<M & string>}`;

/** A granted call. Its mark, which nobody sets, is what `npm run mesh -- check` finds the uses of a grant by. */
type Granted<F, W extends string, Path extends string> = F & { readonly grantedBy?: `${Path} to ${W}` };

/** A call that the contract doesn't grant to this caller. It can't be called, and the compiler's message about that says its name. */
export type MayNotCall<Caller extends string, Method extends string> = {
  readonly caller: Caller;
  readonly method: Method;
  readonly because: 'the contract does not name the caller among the method’s callers';
};

/**
 * A client of a contract as one workload has it: it can call what the contract grants to the workload. Any other call is an error of
 * types that names caller and method, and is refused at run time too. A workload whose name isn't known before run time has all of the
 * contract's methods, as far as types go.
 */
export type ClientFor<W extends string, S extends DescService> = string extends W
  ? Client<S>
  : {
      readonly [M in keyof Client<S>]: [W] extends [CallersOf<S, M>]
        ? Granted<Client<S>[M], W, PathOf<S, M>>
        : MayNotCall<W, PathOf<S, M>>;
    };
