export type ProgressOptions = {
  readonly totalBytes: number;
  /** A terminal gets one line that changes, anything else a line now and then. */
  readonly isTerminal: boolean;
  readonly write: (text: string) => void;
  readonly nowMs: () => number;
};

/** Tells how far a file is. */
export type Progress = {
  /** So much more of it was read. */
  read(chunk: Uint8Array): void;
  /** All of it is on its way; the shop checks and writes now. */
  sent(): void;
  /** Takes the changing line away. */
  end(): void;
  /** The whole took so long for so many rows. */
  done(rows: number): void;
};

const everyMs = { terminal: 100, lines: 2_000 };

export function createProgress({ totalBytes, isTerminal, write, nowMs }: ProgressOptions): Progress {
  const startMs = nowMs();
  let bytes = 0;
  let lines = 0;
  let saidMs = startMs;
  let shown = false;

  function say(text: string): void {
    write(isTerminal ? `\r\x1b[K${text}` : `${text}\n`);
    shown = isTerminal;
    saidMs = nowMs();
  }

  function soFar(): string {
    const percent = totalBytes === 0 ? 100 : Math.min(100, Math.floor((bytes / totalBytes) * 100));
    const seconds = Math.max(nowMs() - startMs, 1) / 1_000;
    return `${percent}% of ${megabytes(totalBytes)} MB sent, ${number(lines / seconds)} lines a second`;
  }

  return {
    read(chunk) {
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++;
      if (nowMs() - saidMs >= (isTerminal ? everyMs.terminal : everyMs.lines)) say(soFar());
    },
    sent() {
      say(`${soFar()}; checking and writing …`);
    },
    end() {
      if (shown) write('\r\x1b[K');
      shown = false;
    },
    done(rows) {
      const seconds = Math.max(nowMs() - startMs, 1) / 1_000;
      write(`${number(rows)} rows in ${seconds.toFixed(1)} s, ${number(rows / seconds)} a second\n`);
    },
  };
}

function megabytes(bytes: number): string {
  return (bytes / (1 << 20)).toFixed(1);
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en');
}
