import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, TLSSocket } from 'node:tls';
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
};

const handshakeTimeoutMs = 10_000; // a handshake takes one or two round trips; who needs longer only holds a socket

/**
 * Accepts connections and gives each to `accept` once it may talk HTTP/2, with the SPIFFE ID of its verified certificate.
 * TLS ends here rather than in grpc-js, which can neither bound connections, nor set a TLS version, nor say who is
 * calling without parsing the certificate on every call.
 */
export function createListener(options: {
  readonly tls: ServerTls | undefined;
  readonly maxConnections: number;
  accept(socket: Socket, spiffeId: string | undefined): void;
}): { readonly server: TcpServer | TlsServer; stopWatching(): void } {
  const { tls, accept } = options;
  if (tls === undefined) {
    const server = createTcpServer((socket) => accept(socket, undefined));
    server.maxConnections = options.maxConnections;
    return { server, stopWatching: () => {} };
  }
  const secureContext = () => ({ ...tls.source.current(), minVersion: 'TLSv1.2' as const });
  const server = createTlsServer(
    {
      ...secureContext(),
      requestCert: true,
      // Without a certificate there is nothing to authorize: `accept` below refuses one that was shown and isn't good.
      rejectUnauthorized: tls.allowAnonymous !== true,
      ALPNProtocols: ['h2'],
      handshakeTimeout: handshakeTimeoutMs,
    },
    (socket) => {
      const shown = socket.getPeerX509Certificate() !== undefined;
      if (shown && !socket.authorized) return void socket.destroy();
      accept(socket, shown ? spiffeIdOfPeer(socket) : undefined);
    },
  );
  server.maxConnections = options.maxConnections;
  server.on('tlsClientError', () => {}); // the other side's mistake; it has its alert
  const stopWatching = tls.source.onChange(() => server.setSecureContext(secureContext()));
  return { server, stopWatching };
}

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

/** Credentials that follow the source: each new connection is made with the certificate of the day. */
export function channelCredentials(tls: ClientTls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const { source, serverSpiffeId } = tls;
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
  return experimental.createCertificateProviderChannelCredentials(
    provider,
    provider,
    serverSpiffeId === undefined
      ? {}
      : {
          checkServerIdentity: (_host, certificate) => {
            const shown = spiffeIdInNames(certificate.subjectaltname);
            return shown === serverSpiffeId
              ? undefined
              : new Error(`the server's certificate is ${shown ?? 'no SPIFFE ID'}, not ${serverSpiffeId}`);
          },
        },
  );
}
