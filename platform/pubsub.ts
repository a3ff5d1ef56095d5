/** Whom a channel's messages are handed to. */
export type Listener = {
  heard(message: string): void;
  /** What was told meanwhile is gone: the connection was lost, and stands again. Look anew at whatever the messages are about. */
  lost(): void;
};

/**
 * A port: tells whoever listens just now, in all processes. At most once, and in no order between tellers: for what is a hint, where
 * somebody looks anew after a while anyway. What must arrive is an event. pubsub.contract.ts says how an adapter behaves.
 */
export type PubSub = {
  /**
   * Tells messages, each of 1 to 7,999 bytes: what PostgreSQL carries. One that stands there twice may come once. Rejects where the
   * engine is away.
   */
  publish(channel: string, messages: readonly string[]): Promise<void>;
  /** From when it resolves on, what is told is heard. With an engine that is away it may resolve too: `lost` is called once it is there. */
  subscribe(channel: string, listener: Listener): Promise<() => Promise<void>>;
  /** Ends all subscriptions. */
  close(): Promise<void>;
};

const maxMessageBytes = 7_999;

/** Throws for what not every adapter can carry. */
export function assertCarriable(channel: string, messages: readonly string[]): void {
  if (!/^[\w.:-]{1,63}$/.test(channel))
    throw new Error(`"${channel}" is no channel: 1 to 63 letters, digits and . _ : -`);
  for (const message of messages) {
    const bytes = Buffer.byteLength(message);
    if (bytes === 0 || bytes > maxMessageBytes)
      throw new Error(`a message on ${channel} has ${bytes} bytes, not 1 to ${maxMessageBytes}`);
  }
}
