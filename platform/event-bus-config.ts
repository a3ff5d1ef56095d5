import { z } from 'zod';

/** Where a service's events go: RabbitMQ where it is named, else a PostgreSQL, which is the service's database unless told. */
export const busConfig = z.object({ EVENT_BUS_URL: z.string() });

export type BusConfig = z.infer<typeof busConfig>;
