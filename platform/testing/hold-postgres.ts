import { createEmbeddedPostgres } from '../embedded-postgres.ts';
import { openDataFolder } from '../data-folder.ts';

// A process of its own that starts the embedded database, says so, and lives until it is killed or its input ends.
const [folder = '', port = ''] = process.argv.slice(2);
const data = await openDataFolder(folder);
const server = await createEmbeddedPostgres({ data, port: Number(port) }).start(['fruit', 'dairy']);
process.stdout.write('ready\n');
for await (const _ of process.stdin);
await server.close();
process.exit(0);
