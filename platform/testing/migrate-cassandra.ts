import { pino } from 'pino';
import { openCassandra, type CassandraSettings } from '../connection.cassandra.ts';
import { migrateCassandra } from '../migrate.cassandra.ts';

// A process that a test starts beside others: it migrates and ends.
const settings = JSON.parse(process.argv[2] ?? '') as CassandraSettings;
const log = pino({ level: 'info' }, pino.destination(1));
const cassandra = await openCassandra(settings, log);
await migrateCassandra({ cassandra, replication: settings.CASSANDRA_REPLICATION, log });
await cassandra.close();
