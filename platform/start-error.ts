/** A start that can't go on. Its text says what to do, and is printed as it is; any other error is a bug and shows its stack. */
export class StartError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartError';
  }
}
