import { afterAll } from '@jest/globals';
import { pino } from 'pino';
import { eventBusContract } from './event-bus.contract.ts';
import { openPostgresEventBus } from './event-bus.postgres.ts';
import { createTestDatabase } from './testing/database.ts';

const databases: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(databases.map((database) => database.close())));

eventBusContract(async () => {
  const database = await createTestDatabase();
  databases.push(database);
  return openPostgresEventBus({ url: database.url, log: pino({ level: 'silent' }) });
});
