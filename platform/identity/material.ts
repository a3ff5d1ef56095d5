import type { TlsMaterial, TlsSource } from '../rpc/tls.ts';

/** Who a workload is: its certificate, which is replaced in time while connections go on. */
export type Identity = {
  readonly spiffeId: string;
  readonly tls: TlsSource;
  close(): void;
};

/** Holds what a TlsSource gives and tells its listeners of a new one. */
export function holdMaterial(first: TlsMaterial): { readonly tls: TlsSource; replace(next: TlsMaterial): void } {
  const listeners = new Set<() => void>();
  let material = first;
  return {
    tls: {
      current: () => material,
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    replace(next) {
      material = next;
      for (const listener of listeners) listener();
    },
  };
}
