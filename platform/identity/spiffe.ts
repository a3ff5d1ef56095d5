/** Where workloads have their names from: `spiffe://<trust domain>/ns/<namespace>/sa/<workload>`. */
export type Mesh = { readonly trustDomain: string; readonly namespace: string };

/** The mesh that `npm start` makes on this machine. */
export const localMesh: Mesh = { trustDomain: 'only2u.local', namespace: 'default' };

/** The SPIFFE ID of a workload, as it stands in its certificate. */
export function spiffeIdOf(mesh: Mesh, workload: string): string {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(workload)) {
    throw new Error(`"${workload}" is no name for a workload: use lower-case letters, digits and hyphens.`);
  }
  return `spiffe://${mesh.trustDomain}/ns/${mesh.namespace}/sa/${workload}`;
}

/** The workload that a SPIFFE ID of this mesh names; "" for an ID of another mesh, of another form, or none. */
export function workloadOf(mesh: Mesh, spiffeId: string | undefined): string {
  const prefix = `spiffe://${mesh.trustDomain}/ns/${mesh.namespace}/sa/`;
  if (spiffeId === undefined || !spiffeId.startsWith(prefix)) return '';
  const workload = spiffeId.slice(prefix.length);
  return /^[a-z][a-z0-9-]{0,62}$/.test(workload) ? workload : '';
}
