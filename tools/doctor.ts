import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { isSecret, type Variables } from '#platform/config.ts';
import type { Service } from '#platform/service.ts';
import { StartError } from '#platform/start-error.ts';
import { services } from '#services/all.ts';
import { type Examined, examineAll, examinationsOf } from './examinations.ts';

const help = `Usage: npm run doctor [-- --engines [FILE]] [--json]

Looks at each engine that the environment names: whether it can be reached, its version, TLS, what its user may do, its schema and its
clock. Nothing is changed that stays. --engines takes the variables of a JSON file beside the environment's; without FILE those of
npm run engines. --json prints the findings for programs.

Exit code: 0 when nothing is bad, 1 when something is, 2 when the configuration can't be read.
`;

const unused = 'not used: the doctor needs no secret';
const enginesFolder = '.data/engines';
const marks = { good: '✓', warning: '!', bad: '✗' } as const;

/** What the arguments ask for. Throws a StartError when they make no sense. */
export function readArguments(
  args: readonly string[],
  env: Variables = {},
): { help: boolean; json: boolean; engines: string | undefined } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        engines: { type: 'boolean', default: false },
      },
    });
    const [file, ...rest] = positionals;
    if (rest.length > 0 || (file !== undefined && !values.engines))
      throw new Error(`What is ${positionals.join(' ')}?`);
    // As npm run engines does: where ENGINES_DATA says, else at the usual place.
    const usual = join(env['ENGINES_DATA'] || enginesFolder, 'variables.json');
    return { help: values.help, json: values.json, engines: values.engines ? (file ?? usual) : undefined };
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`, { cause: error });
  }
}

async function variablesOf(file: string | undefined, loaded: readonly Service[]): Promise<Variables> {
  if (file === undefined) return process.env;
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new StartError(`${file} can’t be read. Start the engines with npm run engines -- up, or name another file.`, {
      cause,
    });
  });
  // The shop makes up its own secrets when it runs on engines of this machine; none is needed to look at these.
  const secrets = loaded.flatMap(({ config }) =>
    config instanceof z.ZodObject
      ? Object.entries<z.ZodType>(config.shape).filter(([, schema]) => isSecret(schema))
      : [],
  );
  return {
    ...Object.fromEntries(secrets.map(([name]) => [name, unused])),
    ...z.record(z.string(), z.string()).parse(JSON.parse(text)),
    ...process.env,
  };
}

/** The findings as people read them. */
export function asTable(all: readonly Examined[]): string {
  const lines = all.flatMap(({ engine, services: names, findings }) => [
    `${engine} (${names.join(', ') || 'no service yet'})`,
    ...findings.map(({ about, verdict, text }) => `  ${marks[verdict]} ${about.padEnd(9)} ${text}`),
    '',
  ]);
  const count = (verdict: 'warning' | 'bad'): number =>
    all.flatMap(({ findings }) => findings).filter((finding) => finding.verdict === verdict).length;
  const [bad, warnings] = [count('bad'), count('warning')];
  const end =
    all.length === 0
      ? 'No engine is named: the shop uses the PostgreSQL that comes with it. docs/engines.md says how to name others.'
      : bad > 0
        ? `${bad} to be mended${warnings > 0 ? `, ${warnings} to be looked at` : ''}.`
        : warnings > 0
          ? `Nothing is bad; ${warnings} to be looked at.`
          : 'All is well.';
  return [...lines, end].join('\n');
}

async function main(args: readonly string[]): Promise<number> {
  const asked = readArguments(args, process.env);
  if (asked.help) {
    console.log(help);
    return 0;
  }
  const loaded = await Promise.all(services.map(({ load }) => load()));
  const examinations = await examinationsOf({
    entries: services,
    services: loaded,
    variables: await variablesOf(asked.engines, loaded),
  });
  const examined = await examineAll(examinations);
  console.log(asked.json ? JSON.stringify(examined, undefined, 2) : asTable(examined));
  return examined.some(({ findings }) => findings.some(({ verdict }) => verdict === 'bad')) ? 1 : 0;
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof StartError ? error.message : error);
    return 2;
  });
}
