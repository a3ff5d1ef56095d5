import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { PubSub } from './pubsub.ts';

/** What every pub/sub does. `open` opens another on the same engine: a process more. An adapter's test calls it. */
export function testPubSub(open: () => Promise<PubSub>): void {
  let here: PubSub;
  let there: PubSub;
  beforeAll(async () => {
    [here, there] = await Promise.all([open(), open()]);
  });
  afterAll(() => Promise.all([here.close(), there.close()]));

  /** Hears a channel, and waits for what it should have heard. */
  async function ear(pubsub: PubSub, channel: string) {
    const heard: string[] = [];
    let wake: () => void = () => undefined;
    const stop = await pubsub.subscribe(channel, {
      heard(message) {
        heard.push(message);
        wake();
      },
      lost: () => undefined,
    });
    return {
      heard,
      stop,
      async until(message: string): Promise<void> {
        while (!heard.includes(message)) await new Promise<void>((resolve) => (wake = resolve));
      },
    };
  }

  test('what is told is heard by all who listen, in each process, in the order in which it was told', async () => {
    const ears = await Promise.all([ear(here, 'all'), ear(here, 'all'), ear(there, 'all')]);
    await here.publish('all', ['a', 'b']);
    await here.publish('all', ['c']);
    await Promise.all(ears.map(({ until }) => until('c')));
    for (const { heard, stop } of ears) {
      expect(heard).toEqual(['a', 'b', 'c']);
      await stop();
    }
  });

  test('other channels are not heard', async () => {
    const [one, other] = [await ear(there, 'one'), await ear(there, 'other')];
    await here.publish('one', ['1']);
    await here.publish('other', ['2']);
    await Promise.all([one.until('1'), other.until('2')]);
    expect([one.heard, other.heard]).toEqual([['1'], ['2']]);
    await Promise.all([one.stop(), other.stop()]);
  });

  test('who has stopped hears no more, and the others go on', async () => {
    const [goes, stays] = [await ear(there, 'stop'), await ear(there, 'stop')];
    await goes.stop();
    await here.publish('stop', ['after']);
    await stays.until('after');
    expect(goes.heard).toEqual([]);
    await stays.stop();
    const again = await ear(there, 'stop');
    await here.publish('stop', ['again']);
    await again.until('again');
    await again.stop();
  });

  test('a message has up to 7,999 bytes of any text, and is no empty one', async () => {
    const all = await ear(there, 'sizes');
    const long = 'é'.repeat(3_999);
    await here.publish('sizes', ["'; select 1 -- \n\t“", long]);
    await all.until(long);
    expect(all.heard).toEqual(["'; select 1 -- \n\t“", long]);
    await expect(here.publish('sizes', ['x'.repeat(8_000)])).rejects.toThrow('has 8000 bytes');
    await expect(here.publish('sizes', [''])).rejects.toThrow('has 0 bytes');
    await expect(here.publish('no channel', ['a'])).rejects.toThrow('is no channel');
    await all.stop();
  });
}
