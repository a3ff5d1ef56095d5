import type { Place } from './recipe.ts';

/** cassandra.yaml of one node: passwords and rights are asked for, and clients speak TLS or nothing. */
export function cassandraConfig(place: Pick<Place, 'ports' | 'tls' | 'folder'>, address: string, data: string): string {
  const { ports, tls } = place;
  return `cluster_name: only2u
num_tokens: 8
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: GossipingPropertyFileSnitch
seed_provider: [ { class_name: org.apache.cassandra.locator.SimpleSeedProvider, parameters: [ { seeds: "127.0.0.1:${ports['storage']}" } ] } ]
listen_address: ${address}
rpc_address: ${address}
storage_port: ${ports['storage']}
native_transport_port: ${ports['tls']}
start_native_transport: true
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
role_manager: CassandraRoleManager
roles_validity: 1000ms
permissions_validity: 1000ms
client_encryption_options:
  enabled: true
  optional: false
  require_client_auth: false
  ssl_context_factory:
    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory
  keystore: "${tls.both}"
  truststore: "${tls.ca}"
commitlog_sync: periodic
commitlog_sync_period: 10000ms
commitlog_segment_size: 8MiB
data_file_directories: [ "${data}/data" ]
commitlog_directory: "${data}/commitlog"
hints_directory: "${data}/hints"
saved_caches_directory: "${data}/saved_caches"
cdc_raw_directory: "${data}/cdc_raw"
memtable_heap_space: 64MiB
memtable_offheap_space: 64MiB
file_cache_size: 32MiB
networking_cache_size: 32MiB
concurrent_reads: 8
concurrent_writes: 8
concurrent_counter_writes: 4
`;
}

export const rackConfig = 'dc=dc1\nrack=rack1\n';

export const logConfig = `<configuration><appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%d{HH:mm:ss.SSS} %-5level %logger{30} - %msg%n</pattern></encoder></appender><root level="INFO"><appender-ref ref="out"/></root></configuration>
`;

const exports = [
  ...['java.base/jdk.internal.misc', 'java.base/jdk.internal.ref', 'java.base/sun.nio.ch', 'java.base/java.lang.ref'],
  ...['java.management.rmi/com.sun.jmx.remote.internal.rmi', 'java.rmi/sun.rmi.registry', 'java.rmi/sun.rmi.server'],
  ...['java.sql/java.sql', 'jdk.unsupported/sun.misc', 'jdk.attach/sun.tools.attach'],
];
const opens = [
  ...['java.lang.module', 'java.net', 'jdk.internal.loader', 'jdk.internal.ref', 'jdk.internal.reflect'],
  ...['jdk.internal.math', 'jdk.internal.module', 'jdk.internal.util.jar', 'sun.nio.ch', 'java.io', 'java.nio'],
  ...['java.lang', 'java.lang.reflect', 'java.util', 'java.util.concurrent', 'java.util.concurrent.atomic'],
].map((name) => `java.base/${name}`);

/** What Cassandra needs of Java, whose modules keep their insides closed since 9. */
export const javaFlags: readonly string[] = [
  '-Djdk.attach.allowAttachSelf=true',
  ...exports.map((name) => `--add-exports=${name}=ALL-UNNAMED`),
  ...opens.map((name) => `--add-opens=${name}=ALL-UNNAMED`),
  '--add-opens=jdk.management/com.sun.management.internal=ALL-UNNAMED',
  '-Xss512k',
  '-XX:+UseG1GC',
  '-XX:+PerfDisableSharedMem',
  '-XX:+ExitOnOutOfMemoryError',
  '-Djava.net.preferIPv4Stack=true',
  '-Dcassandra-foreground=yes',
  // A node alone, or one of three on one machine, needs not wait for gossip from afar.
  '-Dcassandra.skip_wait_for_gossip_to_settle=0',
  '-Dcassandra.superuser_setup_delay_ms=0',
  '-Dcassandra.ring_delay_ms=1000',
  '-Dcassandra.consistent.rangemovement=false',
];
