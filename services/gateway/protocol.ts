import type { EdgeRequest } from './listener.ts';
import type { Route } from './routes.ts';

/** How a unary call is written on the wire, for those that the gateway reads itself. */
export type UnaryProtocol = { readonly name: 'connect' | 'connect-get' | 'grpc-web'; readonly codec: 'json' | 'proto' };

/** What a request turns out to be: a plain unary call, one for connect-node's handlers, or none that is served. */
export type Spoken =
  | { readonly as: 'unary'; readonly protocol: UnaryProtocol }
  | { readonly as: 'other'; readonly name: string }
  | {
      readonly as: 'refused';
      readonly status: 405 | 415;
      readonly headers: Readonly<Record<string, string>>;
      readonly message: string;
    };

const connectJson: Spoken = { as: 'unary', protocol: { name: 'connect', codec: 'json' } };
const connectProto: Spoken = { as: 'unary', protocol: { name: 'connect', codec: 'proto' } };
const getJson: Spoken = { as: 'unary', protocol: { name: 'connect-get', codec: 'json' } };
const getProto: Spoken = { as: 'unary', protocol: { name: 'connect-get', codec: 'proto' } };
const grpcWebProto: Spoken = { as: 'unary', protocol: { name: 'grpc-web', codec: 'proto' } };
const grpcWebJson: Spoken = { as: 'unary', protocol: { name: 'grpc-web', codec: 'json' } };

const unaryContentTypes: ReadonlyMap<string, Spoken> = new Map([
  ['application/json', connectJson],
  ['application/proto', connectProto],
  ['application/grpc-web', grpcWebProto],
  ['application/grpc-web+proto', grpcWebProto],
  ['application/grpc-web+json', grpcWebJson],
]);

const streamTypes = 'application/connect+json, application/connect+proto, application/grpc-web, application/grpc';
const unaryTypes = 'application/json, application/proto, application/grpc-web, application/grpc';

/** Tells by method and headers how a request wants to be served. `query` is what stands after "?" in its address. */
export function protocolOf(request: EdgeRequest, { method, safe }: Route, query: URLSearchParams | undefined): Spoken {
  const unary = method.methodKind === 'unary';
  if (request.method === 'GET' && unary && safe) return getProtocol(query);
  if (request.method !== 'POST') return notAllowed(unary && safe ? 'GET, POST' : 'POST');
  const contentType = request.headers['content-type'] ?? '';
  if (unary) {
    const known = unaryContentTypes.get(contentType);
    if (known !== undefined) return known;
    if (/^application\/json\s*;\s*charset="?utf-?8"?\s*$/i.test(contentType)) return connectJson;
    // Of gRPC only binary: connect-node would parse JSON without our limits.
    if (/^application\/grpc(\+proto)?$/.test(contentType)) return { as: 'other', name: 'grpc' };
  } else {
    const [, name] = /^application\/(connect|grpc|grpc-web)(?:\+(?:proto|json))?$/.exec(contentType) ?? [];
    if (name !== undefined && contentType !== 'application/connect') return { as: 'other', name };
  }
  const types = unary ? unaryTypes : streamTypes;
  return {
    as: 'refused',
    status: 415,
    headers: { 'accept-post': types },
    message: `Content-Type ${contentType === '' ? 'is missing' : `"${contentType.slice(0, 100)}" is not read here`}. Send one of ${types}.`,
  };
}

function getProtocol(query: URLSearchParams | undefined): Spoken {
  const encoding = query?.get('encoding') ?? 'json'; // Connect asks for it; people with curl may leave it out
  if (encoding === 'json') return getJson;
  if (encoding === 'proto') return getProto;
  return {
    as: 'refused',
    status: 415,
    headers: {},
    message: 'The query parameter "encoding" has to be json or proto.',
  };
}

function notAllowed(allow: string): Spoken {
  return {
    as: 'refused',
    status: 405,
    headers: { allow },
    message: `This method is called by ${allow.replace(', ', ' or ')}.`,
  };
}
