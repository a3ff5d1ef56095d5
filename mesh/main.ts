import { answer } from './cli/cli.ts';

const { out, error, code } = await answer(process.argv.slice(2));
process.stdout.write(out);
process.stderr.write(error);
process.exitCode = code;
