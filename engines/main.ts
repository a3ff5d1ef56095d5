import { relative, resolve } from 'node:path';
import { StartError } from '#platform/start-error.ts';
import { help, readArguments } from './arguments.ts';
import { down } from './down.ts';
import { usualData } from './place.ts';
import { status } from './status.ts';
import { up } from './up.ts';
import { variablesFile } from './variables.ts';

const startedMs = performance.now();

/** How long it has taken so far, and what happens. */
function say(text: string): void {
  console.log(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${text}`);
}

async function main(): Promise<void> {
  const command = readArguments(process.argv.slice(2));
  const named = command.data ?? process.env['ENGINES_DATA'];
  const folder = named === undefined || named === '' ? usualData : resolve(named);
  switch (command.verb) {
    case 'help':
      return console.log(help);
    case 'status':
      return console.log(await status(folder));
    case 'down':
      return down({ ...command, folder, say });
    case 'up': {
      await up({ ...command, folder, say });
      return say(
        `${relative('', variablesFile(folder))} says how to sign in; npm start -- --engines runs the shop on them`,
      );
    }
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exitCode = 1;
}
