/** Whether what is sent to the host stays on this machine: no TLS is asked for there. An empty host is a Unix socket. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '');
  return /^(localhost|127(\.\d{1,3}){3}|::1|\/.*|)$/.test(name);
}

/** The host of "host:port", of "[::1]:port" and of a host alone. */
export function hostOf(place: string): string {
  return place.startsWith('[') ? place.slice(0, place.indexOf(']') + 1) : (place.split(':', 1)[0] ?? '');
}

/** What TLS is asked of PostgreSQL, by the words that DATABASE_URL has for it. */
export const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;

export type SslMode = (typeof sslModes)[number];

/**
 * How to speak with the PostgreSQL of a URL. What it doesn't say is "disable" on this machine and "verify-full" to any other, or
 * wherever an authority is named. undefined where it says something else, such as "prefer", which whoever stands between can talk out of TLS.
 */
export function sslModeOf(url: URL, hasAuthority: boolean): SslMode | undefined {
  const said = url.searchParams.get('sslmode');
  if (said !== null) return sslModes.find((mode) => mode === said);
  const host = url.searchParams.get('host') ?? url.hostname;
  return hasAuthority || url.searchParams.has('sslrootcert') || !isLoopback(host) ? 'verify-full' : 'disable';
}

type Values = Readonly<Record<string, unknown>>;

/** Of the variables of a service, those by which it would send plain text to another machine. */
export function plainTextPlaces(values: Values): string[] {
  const textOf = (name: string): string => (typeof values[name] === 'string' ? values[name] : '');
  const postgres = ['DATABASE_URL', 'DATABASE_REPLICA_URL', 'EVENT_BUS_URL'].filter((name) => {
    const authority = name === 'EVENT_BUS_URL' ? 'EVENT_BUS_CA' : 'DATABASE_CA';
    if (!URL.canParse(textOf(name))) return false;
    const url = new URL(textOf(name));
    const host = url.searchParams.get('host') ?? url.hostname;
    return sslModeOf(url, textOf(authority) !== '') === 'disable' && !isLoopback(host);
  });
  const urls = ['REDIS_URL', 'RABBITMQ_URL', 'ELASTICSEARCH_URL'].filter((name) =>
    textOf(name)
      .split(',')
      .map((each) => each.trim())
      .some((each) => /^(redis|amqp|http):/.test(each) && URL.canParse(each) && !isLoopback(new URL(each).hostname)),
  );
  const leaves = (list: string): boolean =>
    list !== '' && list.split(',').some((place) => !isLoopback(hostOf(place.trim())));
  const nodes = [
    ...(leaves(textOf('CASSANDRA_HOSTS')) && textOf('CASSANDRA_CA') === '' && textOf('CASSANDRA_TLS') !== 'on'
      ? ['CASSANDRA_HOSTS']
      : []),
    ...(leaves(textOf('KAFKA_BROKERS')) && textOf('KAFKA_CA') === '' ? ['KAFKA_BROKERS'] : []),
  ];
  return [...postgres, ...urls, ...nodes];
}
