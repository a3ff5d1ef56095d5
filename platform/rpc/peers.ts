/** The SPIFFE IDs of the clients that are connected, by address and port: taken once a connection. */
export type Peers = ReadonlyMap<string, string | undefined>;
