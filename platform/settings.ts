import { z } from 'zod';
import { type Configurable, isGiven, isSecret, readConfig, type Variables } from './config.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { createEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.ts';
import { type CertificateFiles, certificateFilesOf } from './identity/certificate-files.ts';
import { type CassandraConfig, cassandraConfig } from './engine-config.ts';
import { type BusConfig, busConfig } from './event-bus-config.ts';
import { plainTextPlaces } from './engine-address.ts';
import { StartError } from './start-error.ts';
import { addressVariable, placesConfig, portVariable, type ProcessConfig, processConfig } from './process-config.ts';

export type Settings = {
  readonly process: ProcessConfig;
  of<C>(service: { readonly name: string; readonly config: z.ZodType<C> }): C;
  /** Where the service listens, if it runs here. */
  portOf(service: string): number;
  /** host:port of the service, if it runs in another process. */
  addressOf(service: string): string;
  readonly warnings: readonly string[];
  /** undefined where everything comes from elsewhere: certificates, secrets, databases. */
  readonly data: DataFolder | undefined;
  readonly certificates: CertificateFiles | undefined;
  /** The database that comes with the shop, and whom it serves; undefined when nobody needs it. */
  readonly embedded: { readonly postgres: EmbeddedPostgres; readonly roles: readonly string[] } | undefined;
  /** Where a service's events go; undefined when it has no data. */
  busOf(service: string): BusConfig | undefined;
  /** Where the logs of a service that keeps data are. */
  logsOf(service: string): CassandraConfig;
};

export type SettingsOptions = {
  readonly entries: readonly { readonly name: string; readonly port: number }[];
  readonly services: readonly Configurable[];
  readonly variables: Variables;
  readonly onProgress?: (text: string) => void;
};

const own = { name: 'process', config: processConfig };
const authority = { name: 'event-bus', config: z.object({ DATABASE_CA: z.string() }) };
const database = { name: 'event-bus', config: z.object({ DATABASE_URL: z.string() }) };

/** Whether a service has a database. */
export function keepsData({ config }: Pick<Configurable, 'config'>): boolean {
  return config instanceof z.ZodObject && 'DATABASE_URL' in config.shape;
}

/**
 * Reads what the process and its services need from the environment. What it leaves out, the shop has itself: a database and
 * secrets, in the data folder. Throws one StartError that names all that is wrong.
 */
export async function readSettings({ entries, services, variables, onProgress }: SettingsOptions): Promise<Settings> {
  const places = { name: 'places', config: placesConfig(entries) };
  const withData = services.filter(keepsData);
  const first = readConfig([own], { variables }).of(own); // the data folder must be known to find the rest
  const certificates = certificateFilesOf(first);
  const allElsewhere =
    (certificates !== undefined || first.MESH_SOCKETS !== undefined) &&
    withData.every(({ name }) => isGiven(variables, name, 'DATABASE_URL'));
  const data = allElsewhere ? undefined : await openDataFolder(first.ONLY2U_DATA);
  const postgres =
    data && createEmbeddedPostgres({ data, port: first.POSTGRES_PORT, ...(onProgress && { onProgress }) });
  const roles = new Set<string>();
  const buses = withData.map(({ name }) => ({ name, config: busConfig }));
  const logs = withData.map(({ name }) => ({ name, config: cassandraConfig }));

  function fallback(name: string, variable: string, schema: z.ZodType): string | undefined {
    const isBus = variable === 'EVENT_BUS_URL';
    if (isBus && isGiven(variables, database.name, 'DATABASE_URL'))
      return readConfig([database], { variables }).of(database).DATABASE_URL;
    if (variable === 'EVENT_BUS_CA' && isGiven(variables, database.name, 'DATABASE_CA'))
      return readConfig([authority], { variables }).of(authority).DATABASE_CA;
    // An engine that carries the events leaves to it only what the service itself failed at.
    const isCarried = isGiven(variables, name, 'RABBITMQ_URL') || isGiven(variables, name, 'KAFKA_BROKERS');
    if (isBus && isCarried && isGiven(variables, name, 'DATABASE_URL')) {
      const ownDatabase = { ...database, name };
      return readConfig([ownDatabase], { variables }).of(ownDatabase).DATABASE_URL;
    }
    if (isBus || variable === 'DATABASE_URL') {
      if (postgres === undefined) return undefined;
      const role = isBus ? database.name : name;
      roles.add(role);
      return postgres.urlOf(role);
    }
    // Samples and money that isn't real belong into a shop that is tried out, not into somebody's own database.
    if (variable.startsWith('SAMPLE_') || variable === 'TEST_PROVIDER')
      return isGiven(variables, name, 'DATABASE_URL') ? undefined : 'on';
    // With a database elsewhere there may be other instances, which need the same secret.
    return isSecret(schema) && !isGiven(variables, name, 'DATABASE_URL')
      ? data?.secretFor(`${name} ${variable}`)
      : undefined;
  }

  const parts = [own, places, ...buses, ...logs, ...services];
  const configuration = readConfig(parts, { variables, fallback });
  const placeOf = configuration.of(places);
  const readers: readonly Configurable[] = [own, ...buses, ...logs, ...services];
  const plain = new Set(readers.flatMap((part) => plainTextPlaces(valuesOf(configuration.of(part)))));
  if (plain.size > 0 && first.ALLOW_PLAINTEXT === 'off') throw plainTextRefused([...plain]);
  const portOf = (service: string): number => Number(placeOf[portVariable(service)]);
  return {
    process: configuration.of(own),
    of: (service) => configuration.of(service),
    portOf,
    addressOf: (service) => String(placeOf[addressVariable(service)] ?? '') || `127.0.0.1:${portOf(service)}`,
    warnings: [
      ...configuration.warnings,
      ...[...plain].map((variable) => `${variable} names another machine, which is spoken to in plain text`),
    ],
    data,
    certificates,
    embedded: postgres && roles.size > 0 ? { postgres, roles: [...roles] } : undefined,
    busOf: (service) =>
      buses.some(({ name }) => name === service) ? configuration.of({ name: service, config: busConfig }) : undefined,
    logsOf: (service) => configuration.of({ name: service, config: cassandraConfig }),
  };
}

function valuesOf(config: unknown): Readonly<Record<string, unknown>> {
  return typeof config === 'object' && config !== null ? { ...config } : {};
}

function plainTextRefused(variables: readonly string[]): StartError {
  const lines = variables.map((name) => `  ${name}: names another machine, which would be spoken to in plain text`);
  return new StartError(
    `The configuration is not safe. Use TLS (docs/settings.md says how), or set ALLOW_PLAINTEXT=on where something else encrypts:\n${lines.join('\n')}`,
  );
}
