import type { TaskHandler } from '#platform/tasks-run.ts';
import type { TestProvider } from './test-provider.postgres.ts';
import type { HandleWebhook } from './webhook.ts';

/** Brings the test provider's events the way that a real one's come: as bytes, signed. */
export function createTestEvents(provider: TestProvider, handleWebhook: HandleWebhook): TaskHandler {
  return {
    async run({ key, body: text }) {
      if (typeof text !== 'string') throw new Error('an event of the test provider is a text');
      const body = Buffer.from(text);
      const eventId = key.slice(0, key.lastIndexOf('#'));
      await handleWebhook({ provider: provider.name, eventId, body, signature: provider.sign(body) });
      return undefined;
    },
  };
}
