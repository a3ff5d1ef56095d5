import { pino } from 'pino';
import { openCassandra, type CassandraSettings } from '../connection.cassandra.ts';
import { whenReachable } from '../engine.ts';
import { migrateCassandra } from '../migrate.cassandra.ts';

// A process that a test starts beside others: it migrates, as a service does at its start, and ends.
const settings = JSON.parse(process.argv[2] ?? '') as CassandraSettings;
const log = pino({ level: 'info' }, pino.destination(1));
const cassandra = await openCassandra(settings, log);
const replication = settings.CASSANDRA_REPLICATION;
await whenReachable(() => migrateCassandra({ cassandra, replication, log }), { engine: 'Cassandra', log });
await cassandra.close();
