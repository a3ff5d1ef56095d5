import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Call } from './use.ts';

const declaration = z.strictObject({
  /** Who calls. */
  workload: z.string().min(1),
  /** Methods, such as "only2u.product.v1.ProductService/GetProduct". */
  calls: z.array(z.string().min(1)),
});

/** The calls that programs in other languages say they make, each in a calls.json of its folder: services, and the examples. */
export function declaredCalls(root: string): readonly Call[] {
  return ['services', 'examples']
    .filter((place) => existsSync(join(root, place)))
    .flatMap((place) =>
      readdirSync(join(root, place))
        .sort()
        .map((name) => `${place}/${name}/calls.json`),
    )
    .filter((path) => existsSync(join(root, path)))
    .flatMap((path) => callsIn(path, readFileSync(join(root, path), 'utf8')));
}

/** `path` is where the text stands. Throws when it declares no calls. */
export function callsIn(path: string, text: string): readonly Call[] {
  const read = declaration.safeParse(parse(path, text));
  if (!read.success) throw new Error(`${path} declares no calls: ${z.prettifyError(read.error)}`);
  const lines = text.split('\n');
  return read.data.calls.map((method) => {
    const line = lines.findIndex((each) => each.includes(JSON.stringify(method)));
    return { by: [read.data.workload], method, at: `${path}:${line + 1}` };
  });
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path} is no JSON`, { cause });
  }
}
