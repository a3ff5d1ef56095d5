import type { Observer } from './observed.ts';

export type EnvoyLogOptions = {
  readonly node: string;
  readonly observer: Observer;
  /** Told of a configuration that was refused, and of whatever else Envoy warns of. */
  say(text: string): void;
  /** Told each call, as it was logged. */
  call?(line: string): void;
};

const refused = /Filesystem config update (?:rejected|failure): (?:in [^,]*, )?(.*)$/;
// What is no news: a peer that isn't there yet, or not any more, is told by the process that ended.
const noise =
  /Unable to establish new stream|Jwks async fetching url|Jwks remote fetch|SDS: secret|Proto Status|deprecated|StreamListeners gRPC config|has been force enabled/i;

/** Reads what an Envoy writes: a line a call, and warnings. */
export function readEnvoyLog({ node, observer, say, call }: EnvoyLogOptions): (line: string) => void {
  return (line) => {
    if (line.startsWith('{')) {
      observer.call(line);
      call?.(line);
      return;
    }
    const words = refused.exec(line)?.[1];
    if (words !== undefined) {
      observer.rejected(node, words);
      say(`Envoy "${node}" refuses what it was given, and goes on with what it had: ${words}`);
    } else if (/\[(?:error|critical)\]/.test(line) && !noise.test(line)) say(`Envoy "${node}": ${line}`);
  };
}
