/** One thing wrong in a file. */
export type ImportFault = {
  /** From 1, where the row begins. */
  readonly line: number;
  /** As the file's header writes it; "" for the whole row. */
  readonly column: string;
  /** "" when it isn't known. */
  readonly handle: string;
  /** UPPER_SNAKE_CASE */
  readonly reason: string;
  readonly message: string;
};
