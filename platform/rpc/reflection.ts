import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { file_google_rpc_error_details } from '#gen/google/rpc/error_details_pb.ts';
import { ServerReflection, type ServerReflectionRequest } from '#gen/grpc/reflection/v1/reflection_pb.ts';
import {
  ServerReflection as ServerReflectionAlpha,
  type ServerReflectionRequest as ServerReflectionRequestAlpha,
} from '#gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { type Handlers, handle } from '../service.ts';

type Question = ServerReflectionRequest['messageRequest'] | ServerReflectionRequestAlpha['messageRequest'];

/** gRPC's reflection service, with which grpcurl and others learn the contracts, in both versions that clients ask for. */
export function createReflection(services: readonly DescService[]): Handlers[] {
  let index: Index | undefined;
  const answer = (question: Question) => answerFrom((index ??= indexOf(services)), question);
  return [
    handle(ServerReflection, {
      async *serverReflectionInfo(requests) {
        for await (const request of requests) {
          const messageResponse = answer(request.messageRequest);
          yield { validHost: request.host, originalRequest: request, messageResponse };
        }
      },
    }),
    handle(ServerReflectionAlpha, {
      async *serverReflectionInfo(requests) {
        for await (const request of requests) {
          const messageResponse = answer(request.messageRequest);
          yield { validHost: request.host, originalRequest: request, messageResponse };
        }
      },
    }),
  ];
}

/** The files that the services need, by what is asked for. */
type Index = {
  readonly services: readonly string[];
  readonly byName: ReadonlyMap<string, DescFile>;
  readonly bySymbol: ReadonlyMap<string, DescFile>;
  /** Extension numbers with their files, by the extended message's name. */
  readonly extensions: ReadonlyMap<string, ReadonlyMap<number, DescFile>>;
};

function indexOf(services: readonly DescService[]): Index {
  const byName = new Map<string, DescFile>();
  const bySymbol = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  const add = (file: DescFile): void => {
    if (byName.has(file.proto.name)) return;
    byName.set(file.proto.name, file);
    for (const type of nestedTypes(file)) {
      bySymbol.set(type.typeName, file);
      if (type.kind === 'service') {
        for (const method of type.methods) bySymbol.set(`${type.typeName}.${method.name}`, file);
      }
      if (type.kind === 'extension') {
        const extended = extensions.get(type.extendee.typeName) ?? new Map<number, DescFile>();
        extensions.set(type.extendee.typeName, extended.set(type.number, file));
      }
    }
    file.dependencies.forEach(add);
  };
  for (const service of services) add(service.file);
  add(file_google_rpc_error_details); // refusals carry them as Any, and grpcurl asks what they are
  return { services: services.map(({ typeName }) => typeName), byName, bySymbol, extensions };
}

function answerFrom(index: Index, question: Question) {
  switch (question.case) {
    case 'listServices':
      return {
        case: 'listServicesResponse' as const,
        value: { service: index.services.map((name) => ({ name })) },
      };
    case 'fileByFilename':
      return fileAnswer(index.byName.get(question.value), question.value);
    case 'fileContainingSymbol':
      return fileAnswer(index.bySymbol.get(question.value), question.value);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = question.value;
      const file = index.extensions.get(containingType)?.get(extensionNumber);
      return fileAnswer(file, `${containingType} extension ${extensionNumber}`);
    }
    case 'allExtensionNumbersOfType':
      return {
        case: 'allExtensionNumbersResponse' as const,
        value: {
          baseTypeName: question.value,
          extensionNumber: [...(index.extensions.get(question.value)?.keys() ?? [])],
        },
      };
    case undefined:
      return errorAnswer(Code.InvalidArgument, 'the request asks for nothing');
  }
}

function fileAnswer(file: DescFile | undefined, wanted: string) {
  if (file === undefined) return errorAnswer(Code.NotFound, `${wanted} is not known here`);
  const bytes = toBinary(FileDescriptorProtoSchema, file.proto);
  return { case: 'fileDescriptorResponse' as const, value: { fileDescriptorProto: [bytes] } };
}

function errorAnswer(errorCode: Code, errorMessage: string) {
  return { case: 'errorResponse' as const, value: { errorCode, errorMessage } };
}
