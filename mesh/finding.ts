import type { DescEnum, DescField, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';

/** Something that a contract must not say, or must say. */
export type Finding = {
  /** Such as "method only2u.product.v1.ProductService.GetProduct". */
  readonly where: string;
  /** The rule's short name, such as "rate-limit". */
  readonly rule: string;
  readonly problem: string;
};

export function finding(
  at: DescService | DescMethod | DescMessage | DescField | DescEnum,
  rule: string,
  problem: string,
): Finding {
  return { where: at.toString(), rule, problem };
}
