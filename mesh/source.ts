import type { DescFile, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import { mesh as meshOption, service as serviceOption, method as methodOption } from '#gen/only2u/mesh/v1/policy_pb.ts';

/** A place in the contracts. */
export type Source = {
  /** As imports write it: "only2u/cart/v1/cart.proto". */
  readonly file: string;
  /** From 1; 0 when the descriptors came without places. */
  readonly line: number;
};

/** Where a part of a policy is said: at the method itself, among its service's defaults, or nowhere. */
export type SaidAt = { readonly at: 'method' | 'defaults' | 'idempotency'; readonly field: number } | undefined;

// Numbers of fields in descriptor.proto, as paths of SourceCodeInfo.Location write them.
const inFile = { message: 4, service: 6, options: 8 };
const inService = { method: 2, options: 3 };
const inMethod = { options: 4, idempotency: 34 };
const defaultsField = 2;
const workloadsField = 1;

/** "proto/only2u/cart/v1/cart.proto:24" */
export function sourceText({ file, line }: Source, root = 'proto'): string {
  return `${root === '' ? '' : `${root}/`}${file}:${line}`;
}

/**
 * Finds places by SourceCodeInfo. buf tells the line of each field of an option, protoc that of the option alone: then it is that.
 */
export function createSources() {
  const known = new WeakMap<DescFile, ReadonlyMap<string, number>>();

  function linesOf(file: DescFile): ReadonlyMap<string, number> {
    const lines = known.get(file) ?? readLines(file);
    known.set(file, lines);
    return lines;
  }

  /** The first of the paths that has a place. */
  function find(file: DescFile, ...paths: readonly (readonly number[])[]): Source {
    const lines = linesOf(file);
    const line = paths.map((path) => lines.get(path.join('.'))).find((each) => each !== undefined);
    return { file: `${file.name}.proto`, line: line ?? 0 };
  }

  return {
    of(at: DescMethod | DescService | DescMessage): Source {
      return find(fileOf(at), pathOf(at));
    },
    ofOption(method: DescMethod, said: SaidAt): Source {
      const { file } = method.parent;
      const option = [...pathOf(method), inMethod.options];
      if (said === undefined) return find(file, [...option, methodOption.number], pathOf(method));
      if (said.at === 'idempotency') return find(file, [...option, inMethod.idempotency], pathOf(method));
      if (said.at === 'method')
        return find(
          file,
          [...option, methodOption.number, said.field],
          [...option, methodOption.number],
          pathOf(method),
        );
      const defaults = [...pathOf(method.parent), inService.options, serviceOption.number];
      return find(
        file,
        [...defaults, defaultsField, said.field],
        [...defaults, defaultsField],
        defaults,
        pathOf(method),
      );
    },
    ofWorkload(file: DescFile, place: number): Source {
      const option = [inFile.options, meshOption.number];
      return find(file, [...option, workloadsField, place], option);
    },
  };
}

/** The first line of each path, and of each path that others go on from. */
function readLines(file: DescFile): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  for (const { path, span } of file.proto.sourceCodeInfo?.location ?? []) {
    const line = (span[0] ?? 0) + 1;
    for (let length = path.length; length > 0; length--) {
      const key = path.slice(0, length).join('.');
      if (!lines.has(key)) lines.set(key, line);
    }
  }
  return lines;
}

function fileOf(at: DescMethod | DescService | DescMessage): DescFile {
  return at.kind === 'rpc' ? at.parent.file : at.file;
}

function pathOf(at: DescMethod | DescService | DescMessage): number[] {
  switch (at.kind) {
    case 'rpc':
      return [...pathOf(at.parent), inService.method, at.parent.methods.indexOf(at)];
    case 'service':
      return [inFile.service, at.file.services.indexOf(at)];
    case 'message':
      return [inFile.message, at.file.messages.indexOf(at)];
  }
}
