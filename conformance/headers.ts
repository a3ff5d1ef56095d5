import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HeaderSchema } from './gen/connectrpc/conformance/v1/service_pb.ts';

type Header = MessageInitShape<typeof HeaderSchema>;

/** Headers as the suite writes them down. */
export function headersToProto(headers: Headers): Header[] {
  return [...headers].map(([name, value]) => ({ name, value: value.split(', ') }));
}

/** Adds headers that the suite asks for. */
export function appendProtoHeaders(target: Headers, headers: readonly { name: string; value: string[] }[]): void {
  for (const { name, value } of headers) for (const one of value) target.append(name, one);
}
