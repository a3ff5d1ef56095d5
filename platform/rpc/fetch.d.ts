/** Connect's types name what the browser's library declares and Node's does not. */
type HeadersInit = ConstructorParameters<typeof Headers>[0];
