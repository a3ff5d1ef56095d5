import { isIP } from 'node:net';
import { checkServerIdentity, type TLSSocket } from 'node:tls';
import { type ChannelCredentials, credentials, experimental } from '@grpc/grpc-js';

/** A certificate chain, its key and the authorities to trust, in PEM. */
export type TlsMaterial = { readonly ca: string; readonly cert: string; readonly key: string };

/** Where certificates come from, and the news that they were renewed. Connections that are open stay as they are. */
export type TlsSource = {
  current(): TlsMaterial;
  /** Returns what ends the listening. */
  onChange(listener: () => void): () => void;
};

export type ServerTls = {
  readonly source: TlsSource;
  /** Let clients in that show no certificate; false unless told. One of another authority is refused either way. */
  readonly allowAnonymous?: boolean;
};

export type ClientTls = {
  readonly source: TlsSource;
  /** The server must hold the certificate of this SPIFFE ID. Without it the name in the address is checked, as browsers do. */
  readonly serverSpiffeId?: string;
  /** Check this host name instead of the one in the address. */
  readonly serverName?: string;
  /** Show no certificate, as a client from outside the mesh would. */
  readonly anonymous?: boolean;
};

/**
 * The SPIFFE ID in the certificate that the other side showed: its only URI name, as the standard demands
 * (https://spiffe.io/docs/latest/spiffe-specs/x509-svid/); undefined otherwise.
 */
export function spiffeIdOfPeer(socket: TLSSocket): string | undefined {
  return spiffeIdInNames(socket.getPeerX509Certificate()?.subjectAltName);
}

function spiffeIdInNames(names: string | undefined): string | undefined {
  // Node quotes a name that could be mistaken for a list (CVE-2021-44532); no SPIFFE ID needs quotes.
  if (names === undefined || names.includes('"')) return undefined;
  const uris = names.split(', ').filter((name) => name.startsWith('URI:'));
  const uri = uris.length === 1 ? uris[0]?.slice('URI:'.length) : undefined;
  return uri?.startsWith('spiffe://') === true ? uri : undefined;
}

/**
 * The name that a client asks for in the handshake (SNI), where gRPC's own choice, the host of the address, won't do: Node refuses
 * IP addresses there.
 */
export function askedServerName(address: string, tls: ClientTls | undefined): string | undefined {
  if (tls?.serverName !== undefined) return tls.serverName;
  return isIP(hostOf(address)) === 0 ? undefined : 'localhost';
}

/** The (first) host in a gRPC target, such as "dns:///product:50052", "ipv4:127.0.0.1:50052,127.0.0.1:50062" or "[::1]:50052". */
function hostOf(address: string): string {
  return address
    .replace(/^[a-z0-9]+:\/*/i, (scheme) => (/^(?:dns|ipv4|ipv6):/i.test(scheme) ? '' : scheme))
    .replace(/,.*$/, '')
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1');
}

/** Credentials that follow the source: each new connection is made with the certificate of the day. */
export function channelCredentials(address: string, tls: ClientTls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const { source } = tls;
  const host = hostOf(address);
  const ca = new Map<experimental.CaCertificateUpdateListener, () => void>();
  const identity = new Map<experimental.IdentityCertificateUpdateListener, () => void>();
  const watch = <Listener>(watched: Map<Listener, () => void>, listener: Listener, tell: () => void) => {
    tell();
    watched.set(listener, source.onChange(tell));
  };
  const forget = <Listener>(watched: Map<Listener, () => void>, listener: Listener) => {
    watched.get(listener)?.();
    watched.delete(listener);
  };
  const provider: experimental.CertificateProvider = {
    addCaCertificateListener: (listener) =>
      watch(ca, listener, () => listener({ caCertificate: Buffer.from(source.current().ca) })),
    removeCaCertificateListener: (listener) => forget(ca, listener),
    addIdentityCertificateListener: (listener) =>
      watch(identity, listener, () => {
        const { cert, key } = source.current();
        listener({ certificate: Buffer.from(cert), privateKey: Buffer.from(key) });
      }),
    removeIdentityCertificateListener: (listener) => forget(identity, listener),
  };
  return experimental.createCertificateProviderChannelCredentials(provider, tls.anonymous === true ? null : provider, {
    checkServerIdentity: (_name, certificate) => {
      if (tls.serverSpiffeId === undefined) return checkServerIdentity(tls.serverName ?? host, certificate);
      const shown = spiffeIdInNames(certificate.subjectaltname);
      return shown === tls.serverSpiffeId
        ? undefined
        : new Error(`the server's certificate is ${shown ?? 'no SPIFFE ID'}, not ${tls.serverSpiffeId}`);
    },
  });
}
