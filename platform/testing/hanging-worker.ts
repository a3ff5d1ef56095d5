import { openPool } from '../pool.postgres.ts';
import { startTasks } from '../tasks.postgres.ts';
import { silentLog } from '../telemetry/log.ts';

// A process that begins tasks and never ends them: tests kill it in the middle.
const [url = ''] = process.argv.slice(2);

startTasks({
  database: openPool({ url, schema: 'sample' }),
  log: silentLog(),
  leaseMs: 500,
  handlers: {
    hang: {
      run({ key, attempts }) {
        process.stdout.write(`${key} ${attempts}\n`);
        return new Promise(() => undefined);
      },
    },
  },
});
