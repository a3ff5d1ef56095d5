/** The code that Node's and the database's errors carry, such as "ENOENT", or "". */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}
