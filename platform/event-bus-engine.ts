import type { EngineState } from './engine.ts';
import type { EventBus } from './event-bus.ts';

/** The event bus of one service on an engine, and that engine, for readiness. */
export type EngineEventBus = EventBus & { readonly engines: readonly EngineState[] };
