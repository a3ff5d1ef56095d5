import type { Found, Linted, Rule } from './rule.ts';
import { didYouMean } from '../ask/near.ts';

/** Rules about events. */
export const eventRules = {
  publisher: { about: 'an event is told by a service', find: publisherProblems },
  subscriber: { about: 'an event is heard by services other than the one that tells it', find: subscriberProblems },
} as const satisfies Readonly<Record<string, Rule>>;

function publisherProblems({ model }: Linted): readonly Found[] {
  return model.events.flatMap(({ topic, publisher, source }) => {
    const at = { where: topic, source };
    if (publisher === '') return [{ ...at, problem: 'is told by nobody: name its publisher' }];
    return problemsOf(model, publisher).map((problem) => ({ ...at, problem: `is told by ${publisher}, ${problem}` }));
  });
}

function subscriberProblems({ model }: Linted): readonly Found[] {
  return model.events.flatMap(({ topic, publisher, subscribers, source }) => {
    const at = { where: topic, source };
    return [
      ...subscribers.flatMap((each) =>
        problemsOf(model, each).map((problem) => ({ ...at, problem: `is heard by ${each}, ${problem}` })),
      ),
      ...(subscribers.includes(publisher)
        ? [{ ...at, problem: `is heard by ${publisher}, which tells it: take it from the subscribers` }]
        : []),
      ...(new Set(subscribers).size < subscribers.length
        ? [{ ...at, problem: 'names a subscriber twice: keep one' }]
        : []),
    ];
  });
}

/** What is wrong with a workload that tells or hears an event. */
function problemsOf({ workloads }: Linted['model'], name: string): readonly string[] {
  const workload = workloads.find((each) => each.name === name);
  const services = workloads.filter(({ kind }) => kind === 'service').map((each) => each.name);
  if (workload === undefined)
    return [`a workload that nobody knows${didYouMean(name, services) || ': name a service'}`];
  return workload.kind === 'service' ? [] : ['which serves nothing and has no store for events: name a service'];
}
