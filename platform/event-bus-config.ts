import { z } from 'zod';
import { authorities, kafkaVariables, postgresUrl, rabbitVariables } from './engine-config.ts';

/**
 * Where a service's events go: RabbitMQ or Kafka where it is named, else a PostgreSQL. That one also keeps what groups failed at, whoever
 * carries the events; it is the service's database unless told.
 */
export const busConfig = z
  .object({ EVENT_BUS_URL: postgresUrl, EVENT_BUS_CA: authorities, ...rabbitVariables, ...kafkaVariables })
  .refine(({ RABBITMQ_URL, KAFKA_BROKERS }) => RABBITMQ_URL === undefined || KAFKA_BROKERS === undefined, {
    path: ['KAFKA_BROKERS'],
    error: 'is set beside RABBITMQ_URL: events go one way, so unset one of them',
  })
  .refine(({ KAFKA_USERNAME, KAFKA_PASSWORD }) => (KAFKA_USERNAME === undefined) === (KAFKA_PASSWORD === undefined), {
    path: ['KAFKA_PASSWORD'],
    error: 'goes together with KAFKA_USERNAME: set both or neither',
  });

export type BusConfig = z.infer<typeof busConfig>;
