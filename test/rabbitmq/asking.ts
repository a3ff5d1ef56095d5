import { type Channel, type ChannelModel, connect } from 'amqplib';
import { rabbitNames } from '#platform/event-bus-names.ts';

/** A user of the broker, who tries what it may do. Each try has a channel of its own, since a refusal ends it. */
export type Asking = {
  publishes(exchange: string, key: string): Promise<boolean>;
  reads(queue: string): Promise<boolean>;
  makesQueue(name: string): Promise<boolean>;
  binds(queue: string, exchange: string, key: string): Promise<boolean>;
  /** A channel for what is allowed. */
  channel(): Promise<Channel>;
  close(): Promise<void>;
};

export async function askAs(user: string, password: string, port: number): Promise<Asking> {
  const vhost = encodeURIComponent(rabbitNames.vhost);
  const connection: ChannelModel = await connect(`amqp://${user}:${password}@127.0.0.1:${port}/${vhost}`, {
    noDelay: true, // else each try waits 40 ms for an acknowledgement
  });

  async function tried(work: (channel: Channel) => Promise<unknown>): Promise<boolean> {
    const channel = await connection.createChannel();
    const refused = new Promise<false>((resolve, reject) => {
      // Several errors may come of one refusal.
      channel.on('error', (error: Error) =>
        error.message.includes('ACCESS_REFUSED') ? resolve(false) : reject(error),
      );
    });
    const done = work(channel).then(() => true);
    done.catch(() => undefined); // the channel's own error says why
    const allowed = await Promise.race([done.catch(() => refused), refused]);
    if (allowed) await channel.close();
    return allowed;
  }

  return {
    publishes: (exchange, key) =>
      tried(async (channel) => {
        channel.publish(exchange, key, Buffer.from('tried'));
        await channel.checkExchange(rabbitNames.dead); // answered only after what was published was looked at
      }),
    reads: (queue) => tried((channel) => channel.consume(queue, () => undefined, { noAck: true })),
    makesQueue: (name) => tried((channel) => channel.assertQueue(name)),
    binds: (queue, exchange, key) => tried((channel) => channel.bindQueue(queue, exchange, key)),
    channel: () => connection.createChannel(),
    close: () => connection.close(),
  };
}
