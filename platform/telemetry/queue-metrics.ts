import { Gauge, type Registry } from 'prom-client';

/** What is known of a service's queues when somebody scrapes. */
export type QueueLengths = {
  /** What waits for a person, by "event" or "task". */
  readonly dead: Readonly<Record<string, number>>;
  /** How long the first of each kind of task has been due, in seconds. */
  readonly overdue: readonly { readonly kind: string; readonly seconds: number }[];
};

const maxAgeMs = 10_000; // two scrapers, or an eager one, ask the databases no more often
const timeoutMs = 2_000; // a database that doesn't answer must not hold up the other numbers

/** Gauges of dead letters and of overdue tasks. Returns how a service adds its own. */
export function createQueueMetrics(registry: Registry): (service: string, ask: () => Promise<QueueLengths>) => void {
  const services = new Map<string, () => Promise<QueueLengths>>();
  let asked: { readonly ms: number; readonly answers: Promise<Map<string, QueueLengths>> } | undefined;

  function lengths(): Promise<Map<string, QueueLengths>> {
    if (asked === undefined || performance.now() - asked.ms > maxAgeMs)
      asked = { ms: performance.now(), answers: askAll(services) };
    return asked.answers;
  }

  new Gauge({
    name: 'dead_letters',
    help: 'Events and tasks that were given up and wait for a person, counted up to 1000 each.',
    labelNames: ['service', 'source'] as const,
    registers: [registry],
    async collect() {
      const answers = await lengths();
      this.reset();
      for (const [service, { dead }] of answers)
        for (const [source, count] of Object.entries(dead)) this.set({ service, source }, count);
    },
  });
  new Gauge({
    name: 'task_overdue_seconds',
    help: 'How long the first task in line of each kind has been due.',
    labelNames: ['service', 'kind'] as const,
    registers: [registry],
    async collect() {
      const answers = await lengths();
      this.reset();
      for (const [service, { overdue }] of answers)
        for (const { kind, seconds } of overdue) this.set({ service, kind }, seconds);
    },
  });
  return (service, ask) => void services.set(service, ask);
}

/** Who doesn't answer in time is left out: no number is better than an old one. */
async function askAll(services: ReadonlyMap<string, () => Promise<QueueLengths>>): Promise<Map<string, QueueLengths>> {
  const answers = new Map<string, QueueLengths>();
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, timeoutMs);
  const each = [...services].map(async ([service, ask]) => {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) answers.set(service, answer);
  });
  await Promise.race([Promise.all(each), late.promise]);
  clearTimeout(timer);
  return new Map(answers);
}
