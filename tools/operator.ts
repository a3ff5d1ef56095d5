import type { DescService } from '@bufbuild/protobuf';
import { readConfig, type Variables } from '#platform/config.ts';
import { openDataFolder } from '#platform/data-folder.ts';
import { createDialing } from '#platform/dialing.ts';
import { localMesh } from '#platform/identity/spiffe.ts';
import { addressVariable, placesConfig, portVariable, processConfig } from '#platform/process-config.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';
import { createLog } from '#platform/telemetry/log.ts';
import { createMetrics } from '#platform/telemetry/metrics.ts';
import { services } from '#services/all.ts';

/** What a command of the project's own holds of a running shop. */
export type Operator = {
  /** A client that calls as the workload "operator", with its certificate. What every workload serves needs the name of one. */
  dial<S extends DescService>(contract: S, workload?: string): ClientFor<'operator', S>;
  close(): void;
};

/** Reaches the shop that runs on this machine with this data folder, or wherever <SERVICE>_ADDRESS says. */
export async function openOperator(variables: Variables = process.env): Promise<Operator> {
  const own = { name: 'process', config: processConfig };
  const places = { name: 'places', config: placesConfig(services) };
  const configuration = readConfig([own, places], { variables });
  const placeOf = configuration.of(places);
  const data = await openDataFolder(configuration.of(own).ONLY2U_DATA);
  const metrics = createMetrics({ processMetrics: false });
  const dialing = createDialing({
    mesh: localMesh,
    dataDir: data.path,
    addressOf: (name) => String(placeOf[addressVariable(name)] ?? '') || `127.0.0.1:${placeOf[portVariable(name)]}`,
    metrics: metrics.rpc,
    tracing: undefined,
    log: createLog({ level: 'warn', format: 'pretty' }),
    now: () => new Date(),
  });
  await dialing.identityOf('operator');
  return {
    ...dialing.as('operator'),
    close() {
      dialing.close();
      metrics.close();
    },
  };
}
