import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { StartError } from '#platform/start-error.ts';

/** A password from the environment, else asked for at the terminal without echo, else the first line of standard input. */
export async function askPassword(variable: string): Promise<string> {
  const given = process.env[variable] ?? '';
  const password = given !== '' ? given : process.stdin.isTTY ? await askAtTerminal() : await firstLine();
  if (password !== '') return password;
  throw new StartError(`A password is needed: type it, set ${variable}, or send it to standard input.`);
}

async function askAtTerminal(): Promise<string> {
  // In raw mode readline echoes what is typed, not the terminal, and this one writes into the void.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  lines.once('SIGINT', () => process.exit(130));
  process.stderr.write('Password: ');
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

async function firstLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
  }
}
