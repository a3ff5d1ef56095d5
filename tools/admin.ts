import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Code, ConnectError } from '@connectrpc/connect';
import { OperatorService } from '#gen/only2u/user/v1/auth_pb.ts';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { StartError } from '#platform/start-error.ts';
import { openOperator } from './operator.ts';
import { askPassword } from './password-prompt.ts';

const roles = {
  customer: Role.CUSTOMER,
  vendor: Role.VENDOR,
  influencer: Role.INFLUENCER,
  reseller: Role.RESELLER,
  admin: Role.ADMIN,
} as const;

const help = `Usage: npm run admin -- EMAIL [--role ROLE]     gives an account a role, and makes the account when it is new
       npm run admin -- --rotate-keys           signs access tokens with a new key from now on

ROLE is ${Object.keys(roles).join(', ')}; admin unless told. The password names the account among those that share the address: it
is asked for, or taken from ADMIN_PASSWORD, or from standard input. The shop must be running (npm start).
`;

const timeoutMs = 10_000;

export type Command =
  | { readonly kind: 'grant'; readonly email: string; readonly role: Role }
  | { readonly kind: 'rotate' }
  | { readonly kind: 'help' };

/** What the arguments ask for. Throws a StartError when they make no sense. */
export function readArguments(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  if (values.help === true) return { kind: 'help' };
  const [email, ...rest] = positionals;
  if (values['rotate-keys'] === true) {
    if (email !== undefined || values.role !== undefined)
      throw new StartError(`--rotate-keys stands alone.\n\n${help}`);
    return { kind: 'rotate' };
  }
  if (email === undefined || rest.length > 0) throw new StartError(`Name one e-mail address.\n\n${help}`);
  const role = Object.entries(roles).find(([name]) => name === (values.role ?? 'admin'))?.[1];
  if (role === undefined)
    throw new StartError(`There is no role ${values.role}. There are ${Object.keys(roles).join(', ')}.`);
  return { kind: 'grant', email, role };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { role: { type: 'string' }, 'rotate-keys': { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

async function run(command: Command): Promise<string> {
  if (command.kind === 'help') return help;
  const password = command.kind === 'grant' ? await askPassword('ADMIN_PASSWORD') : '';
  const operator = await openOperator();
  try {
    const client = operator.dial(OperatorService);
    const requestId = randomUUID();
    if (command.kind === 'rotate') {
      const { keyId } = await client.rotateKeys({ requestId }, { timeoutMs });
      return `Access tokens are signed with the key ${keyId} from now on.\n`;
    }
    const { email, role } = command;
    const { user } = await client.grantRole({ requestId, email, password, role }, { timeoutMs });
    const names = Object.entries(roles).filter(([, value]) => user?.roles.includes(value) === true);
    return `${user?.id ?? ''} (${email}) is ${names.map(([name]) => name).join(', ')}.\n`;
  } finally {
    operator.close();
  }
}

function explain(error: ConnectError): string {
  const silent = error.code === Code.Unavailable || error.code === Code.DeadlineExceeded;
  return silent ? `The shop does not answer: start it with npm start. (${error.rawMessage})` : error.rawMessage;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    process.stdout.write(await run(readArguments(args)));
    return 0;
  } catch (error) {
    if (error instanceof StartError) process.stderr.write(`${error.message.trimEnd()}\n`);
    else if (error instanceof ConnectError) process.stderr.write(`${explain(error)}\n`);
    else throw error;
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
