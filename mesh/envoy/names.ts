/*
 * Where things are and what they are called, for whoever runs these Envoys and reads their statistics.
 *
 * Files. A node is "one" (everything in one process), a workload's name (its sidecar) or "edge". What is rendered for it goes to
 * `<run>/envoy/<node>/`: bootstrap.yaml, listeners.yaml, clusters.yaml and secrets/<workload>.yaml, secrets/ca.yaml. Replacing one
 * of these by rename takes effect at once; the files of a certificate (`<run>/<workload>/cert.pem` and key.pem, `<run>/ca.pem`) as well.
 * `<run>/envoy/<node>/admin.sock` answers /stats, /clusters, /ready, /config_dump.
 *
 * Statistics, of which a workload's name is a part (names hold no "_"):
 *   cluster.<caller>_to_<callee>.upstream_rq_total, .upstream_rq_retry, .upstream_rq_timeout, .upstream_rq_pending_overflow,
 *     .outlier_detection.ejections_active, .health_check.failure, .membership_healthy   who called whom, and how it went
 *   cluster.<caller>_to_<callee>.grpc.<package.Service>.<Method>.success, .failure, .total   the same by method
 *   http.outbound_<caller>.rq_direct_response   calls that the caller's own sidecar refused: no contract grants them
 *   http.inbound_<workload>.rbac.callers.denied   refused: the contract names other callers
 *   http.inbound_<workload>.rbac.roles.denied, …rbac.roles.policy.<rule>.denied   refused: the user has none of the roles
 *   http.inbound_<workload>.jwt_authn.denied   refused: no token, or a bad one
 *   http.inbound_<workload>.rbac.next_callers.shadow_denied, .rbac.next_roles.shadow_denied   what the next policy would refuse, with what is
 *     refused already
 *   inbound_<workload>.http_local_rate_limit.rate_limited, edge.http_local_rate_limit.rate_limited   refused: too often
 *   cluster.<workload>_app.upstream_rq_active_overflow   refused: too many at a time
 *   http.edge.downstream_rq_total, cluster.edge_to_<edge workload>.upstream_rq_total   what came from outside
 */

/** The run directory as it stands in what is rendered; whoever runs an Envoy replaces it by the real one. */
export const runFolder = '/run/only2u';

/** The node of the form in which one process does it all. */
export const oneNode = 'one';
/** The node of the Envoy at the edge, where each workload has its own. */
export const edgeNode = 'edge';

export function nodeFolder(node: string): string {
  return `${runFolder}/envoy/${node}`;
}

/** Where a workload's process serves, and where it reaches the others. */
export function socketOf(workload: string, which: 'app' | 'mesh'): string {
  return `${runFolder}/${workload}/${which}.sock`;
}

/** The process behind the edge listens this far above the edge's own port, on the loopback. */
export const behindTheEdge = 10_000;

/** The cluster by which a caller reaches a peer, under the caller's certificate. */
export function peerCluster(caller: string, callee: string): string {
  return `${caller}_to_${callee}`;
}

/** The cluster of a workload's own process, or of one method there whose concurrency is bounded. */
export function appCluster(workload: string, boundedPath?: string): string {
  return boundedPath === undefined ? `${workload}_app` : `${workload}_app_${boundedPath.replaceAll(/[./]/g, '_')}`;
}

/** What Envoy's durations look like. */
export function seconds(ms: number): string {
  return `${ms / 1_000}s`;
}

/** The type of a configuration: "type.googleapis.com/envoy…". */
export function typeUrl(name: string): string {
  return `type.googleapis.com/envoy.${name}`;
}
