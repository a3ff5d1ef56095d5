import { createMemoryPubSub } from './pubsub.memory.ts';
import { testPubSub } from './pubsub.contract.ts';

const shared = createMemoryPubSub();
testPubSub(async () => shared);
