import { eventBusContract } from './event-bus.contract.ts';
import { createMemoryEventBus } from './event-bus.memory.ts';

eventBusContract(() => Promise.resolve(createMemoryEventBus()));
