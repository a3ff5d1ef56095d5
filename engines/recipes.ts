import type { EngineName, Recipe } from './recipe.ts';

const loaders: Readonly<Record<EngineName, () => Promise<Recipe>>> = {
  postgres: async () => (await import('./postgres.ts')).postgres,
  redis: async () => (await import('./redis.ts')).redis,
  cassandra: async () => (await import('./cassandra.ts')).cassandra,
  elasticsearch: async () => (await import('./elasticsearch.ts')).elasticsearch,
  rabbitmq: async () => (await import('./rabbitmq.ts')).rabbitmq,
  kafka: async () => (await import('./kafka.ts')).kafka,
};

/** How an engine is had; its driver is loaded with it. */
export function loadRecipe(name: EngineName): Promise<Recipe> {
  return loaders[name]();
}
