/** Remembers which sample data was loaded. */
export type SampleStore = {
  /** Whether to load it: when it was begun but never ended, or when it is unknown and there is no product yet. */
  begin(name: string, now: Date): Promise<boolean>;
  end(name: string, now: Date): Promise<void>;
};
