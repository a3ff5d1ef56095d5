import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { StartError } from './start-error.ts';

/** The environment, or what stands in for it in a test. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** What wants configuration: a service, or the process itself. */
export type Configurable = { readonly name: string; readonly config: z.ZodType };

export type ReadConfigOptions = {
  readonly variables: Variables;
  /** What holds where the environment says nothing, such as the embedded database's address. Asked by service and variable. */
  readonly fallback?: (name: string, variable: string, schema: z.ZodType) => string | undefined;
};

/** The checked configuration of each part by its name, and what looks like a mistake but need not be one. */
export type Configuration = {
  of<C>(part: { readonly name: string; readonly config: z.ZodType<C> }): C;
  readonly warnings: readonly string[];
};

const secrets = z.registry<{ secret: true }>();

/**
 * A secret of 32 characters or more: set it as NAME, or the path of a file that holds it as NAME_FILE. On the embedded
 * database the shop makes one up at first start and keeps it in the data folder.
 */
export function secret(): z.ZodString {
  return z.string().min(32, 'needs 32 characters or more').register(secrets, { secret: true });
}

/** Whether the variable was declared with `secret()`. */
export function isSecret(schema: z.ZodType): boolean {
  return secrets.has(schema);
}

/** Whether the environment gives the service the variable, in whichever form. */
export function isGiven(variables: Variables, name: string, key: string): boolean {
  return variantsOf(name, key).some((variant) => (variables[variant] ?? '') !== '');
}

// The service's own first; each also as the path of a file.
function variantsOf(name: string, key: string): string[] {
  const own = `${name.toUpperCase().replaceAll('-', '_')}_`;
  const names = key.startsWith(own) ? [key] : [own + key, key];
  return names.flatMap((variant) => [variant, `${variant}_FILE`]);
}

/**
 * Reads what the parts declare, a zod object whose keys are the names of the variables. For a service "product" the variable
 * PRODUCT_X wins over X, and each may come as a file, X_FILE. Throws one error that names every variable that is missing or wrong.
 */
export function readConfig(parts: readonly Configurable[], { variables, fallback }: ReadConfigOptions): Configuration {
  const problems = new Set<string>();
  const known = new Set<string>();
  const values = new Map<z.ZodType, Map<string, unknown>>();
  for (const { name, config } of parts) {
    if (!(config instanceof z.ZodObject)) throw new Error(`The config of ${name} must be a z.object`);
    const input: Record<string, string> = {};
    const readAs = new Map<string, string>();
    for (const [key, schema] of Object.entries<z.ZodType>(config.shape)) {
      const variants = variantsOf(name, key);
      for (const variant of variants) known.add(variant);
      const found = variants.find((variant) => (variables[variant] ?? '') !== '');
      const text = found === undefined ? fallback?.(name, key, schema) : read(found, found.endsWith(`${key}_FILE`));
      readAs.set(key, found ?? key);
      if (text !== undefined) input[key] = text;
    }
    const result = config.safeParse(input);
    if (result.success) values.set(config, (values.get(config) ?? new Map<string, unknown>()).set(name, result.data));
    for (const issue of result.error?.issues ?? []) {
      const key = String(issue.path[0] ?? '');
      const missing = input[key] === undefined && issue.code !== 'custom'; // a rule of its own says why it is needed
      problems.add(`${readAs.get(key) ?? key}: ${missing ? 'is not set' : issue.message} (${name})`);
    }
  }
  if (problems.size > 0) {
    const list = [...problems].map((problem) => `  ${problem}`).join('\n');
    throw new StartError(
      `The configuration is not complete. Set these environment variables, or correct them:\n${list}`,
    );
  }
  return {
    of<C>(part: { readonly name: string; readonly config: z.ZodType<C> }): C {
      return values.get(part.config)?.get(part.name) as C; // what part.config.safeParse gave
    },
    warnings: Object.keys(variables)
      .filter((variable) => !known.has(variable))
      .flatMap((variable) => {
        const meant = [...known].find((name) => isSlip(variable, name));
        if (meant !== undefined) return [`${variable} is set, but nothing reads it; is ${meant} meant?`];
        return variable.startsWith('ONLY2U_') ? [`${variable} is set, but nothing reads it`] : [];
      }),
  };

  function read(variable: string, isFile: boolean): string | undefined {
    const value = variables[variable] ?? '';
    if (!isFile) return value;
    try {
      return readFileSync(value, 'utf8').trimEnd();
    } catch {
      problems.add(`${variable}: the file ${value} can’t be read`);
      return undefined;
    }
  }
}

const shortestSlip = 7; // shorter names are like each other by chance

/** Whether one name became the other by one slip: a letter left out, put in, taken for another, or two that changed places. */
function isSlip(typed: string, meant: string): boolean {
  if (Math.min(typed.length, meant.length) < shortestSlip || Math.abs(typed.length - meant.length) > 1) return false;
  let start = 0;
  while (start < typed.length && typed[start] === meant[start]) start++;
  const [left, right] = [typed.slice(start), meant.slice(start)];
  if (left.length !== right.length) return left.slice(1) === right || right.slice(1) === left;
  const swapped = left[0] === right[1] && left[1] === right[0] && left.slice(2) === right.slice(2);
  return left.slice(1) === right.slice(1) || swapped;
}
