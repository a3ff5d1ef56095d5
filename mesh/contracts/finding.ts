import type { DescEnum, DescField, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import { type Source, sourceText } from '../source.ts';

/** Something that a contract must not say, or must say. */
export type Finding = {
  /** Such as "only2u.product.v1.ProductService/GetProduct". */
  readonly where: string;
  /** The rule's short name, such as "rate-limit". */
  readonly rule: string;
  /** What is wrong, and what to do about it. */
  readonly problem: string;
  /** The line of the contract, where it is known. */
  readonly source?: Source;
};

export function finding(
  at: DescService | DescMethod | DescMessage | DescField | DescEnum,
  rule: string,
  problem: string,
): Finding {
  return { where: at.toString(), rule, problem };
}

/** "proto/only2u/cart/v1/cart.proto:25 timeout: only2u.cart.v1.CartService/GetCart has no timeout: …": a line as compilers write it. */
export function findingText({ where, rule, problem, source }: Finding, protoRoot: string): string {
  return `${source === undefined ? '' : `${sourceText(source, protoRoot)} `}${rule}: ${where} ${problem}`;
}
