import { StartError } from '#platform/start-error.ts';
import type { Command } from './command.ts';
import { diffCommand } from './diff.ts';
import { graphCommand } from './graph.ts';
import { explainCommand, whoCommand } from './questions.ts';
import { checkCommand, renderCommand, verifyCommand } from './render.ts';
import { near } from '../ask/near.ts';

const commands: Readonly<Record<string, Command>> = {
  who: whoCommand,
  explain: explainCommand,
  diff: diffCommand,
  graph: graphCommand,
  check: checkCommand,
  verify: verifyCommand,
  render: renderCommand,
};

const exitCodes =
  'Exit code: 0 when all is well, 1 when something was found or refused, 2 when it could not be answered.\n';

/** What was printed, where to, and the exit code. */
export type Answered = { readonly out: string; readonly error: string; readonly code: 0 | 1 | 2 };

/** Answers a command line, without what runs it. */
export async function answer(args: readonly string[]): Promise<Answered> {
  try {
    const [name, ...rest] = args;
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') return said(help());
    const command = commands[name];
    if (command === undefined) throw new StartError(`There is no command ${name}${meant(name)}\n\n${help().trimEnd()}`);
    if (rest.includes('--help') || rest.includes('-h')) return said(helpOf(name, command));
    const { text, code } = await command.run(rest);
    return { out: text, error: '', code };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return { out: '', error: `${error.message.trimEnd()}\n`, code: 2 };
  }
}

function said(out: string): Answered {
  return { out, error: '', code: 0 };
}

function meant(name: string): string {
  const [command] = near(name, Object.keys(commands));
  return command === undefined ? '.' : `: did you mean ${command}?`;
}

function help(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}\n`);
  return `Usage: npm run mesh -- COMMAND [--help]\n\nAsks the contracts, which are the mesh's policy: docs/mesh.md.\n\n${lines.join('')}\n${exitCodes}`;
}

function helpOf(name: string, { usage, about, more }: Command): string {
  return (
    `Usage: npm run mesh -- ${name} ${usage}`.trimEnd() +
    `\n\n${about[0]?.toUpperCase()}${about.slice(1)}.\n\n${more}${more.includes('Exit code') ? '' : exitCodes}`
  );
}
