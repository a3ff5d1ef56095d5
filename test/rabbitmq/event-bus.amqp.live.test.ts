import { afterAll } from '@jest/globals';
import { eventBusContract } from '#platform/event-bus.contract.ts';
import { closeAll, openSuiteBus } from './suite-bus.ts';

afterAll(closeAll);

eventBusContract(openSuiteBus);
