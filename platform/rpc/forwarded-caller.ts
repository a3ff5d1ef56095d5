/** Where a sidecar says whose certificate it was shown (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers). */
export const forwardedCallerHeader = 'x-forwarded-client-cert';

/**
 * The SPIFFE ID in what a sidecar says of its caller: "By=…;Hash=…;URI=spiffe://…". The sidecar writes one element with one URI and drops what
 * the caller sent; anything else is nobody. Only for a socket that nobody but the sidecar can reach.
 */
export function forwardedSpiffeId(header: string | readonly string[] | undefined): string | undefined {
  if (typeof header !== 'string' || /[",\s]/.test(header)) return undefined; // a comma begins a second element
  const said = new Map<string, string>();
  for (const pair of header.split(';')) {
    const [, name, value] = /^(By|Hash|URI)=([^=]+)$/.exec(pair) ?? [];
    if (name === undefined || value === undefined || said.has(name)) return undefined;
    said.set(name, value);
  }
  const uri = said.get('URI');
  return uri?.startsWith('spiffe://') === true ? uri : undefined;
}
