import type { DescFile, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import { getOption, hasOption } from '@bufbuild/protobuf';
import {
  event as eventOption,
  mesh as meshOption,
  service as serviceOption,
  Workload_Kind,
} from '#gen/only2u/mesh/v1/policy_pb.ts';
import { readPolicy, type MethodPolicy, type PolicyField } from './read-policy.ts';
import { createSources, type Source } from './source.ts';

/** A program with a certificate of its own. */
export type Workload = {
  /** The last part of its SPIFFE ID; of a service also its folder, deployment and service account. */
  readonly name: string;
  /** "service" serves contracts, "edge" is what clients from outside come through, "client" only calls. */
  readonly kind: 'service' | 'edge' | 'client';
  readonly source: Source;
};

export type Method = {
  /** "only2u.cart.v1.CartService/GetCart": with a slash before it, what HTTP calls the path. */
  readonly path: string;
  /** "only2u.cart.v1.CartService" */
  readonly contract: string;
  readonly name: string;
  /** The workloads that serve it: one, or each service for a contract of workload "*". */
  readonly servedBy: readonly string[];
  readonly kind: DescMethod['methodKind'];
  readonly policy: MethodPolicy;
  /** Granted to "*": to whoever joins the mesh as well. */
  readonly everybody: boolean;
  /** Health and reflection: answered to the whole mesh, whatever the contracts say. */
  readonly essential: boolean;
  readonly source: Source;
  /** Where the contract says a part of the policy: at the method, or among its service's defaults; else where the method stands. */
  sourceOf(field: PolicyField): Source;
};

export type MeshEvent = {
  /** "only2u.order.v1.OrderConfirmed" */
  readonly topic: string;
  readonly publisher: string;
  readonly subscribers: readonly string[];
  readonly source: Source;
};

/** All that the contracts say about who may do what: what every plane is rendered from. Everything in it is in order of names. */
export type MeshModel = {
  readonly workloads: readonly Workload[];
  readonly methods: readonly Method[];
  readonly events: readonly MeshEvent[];
};

/** Reads the contracts. What they say wrongly is in the model as it is said: `lint` finds it. `files` are all of them together. */
export function createModel(files: readonly DescFile[]): MeshModel {
  const sources = createSources();
  const services = files.flatMap((file) => file.services);
  const workloads = sortBy(workloadsOf(files, services, sources), ({ name }) => name);
  const names = workloads.map(({ name }) => name);
  const serving = workloads.filter(({ kind }) => kind === 'service').map(({ name }) => name);

  function methodOf(method: DescMethod): Method {
    const { policy, fieldsAt } = readPolicy(method);
    const essential = isEssential(method.parent);
    const { workload } = getOption(method.parent, serviceOption);
    const everybody = essential || policy.callers.includes('*');
    const callers = everybody ? names : [...new Set(policy.callers)].sort();
    return {
      path: `${method.parent.typeName}/${method.name}`,
      contract: method.parent.typeName,
      name: method.name,
      servedBy: essential || workload === '*' ? serving : workload === '' ? [] : [workload],
      kind: method.methodKind,
      policy: { ...policy, callers, ...(essential ? { access: 'internal' } : {}) },
      everybody,
      essential,
      source: sources.of(method),
      sourceOf: (field) => sources.ofOption(method, fieldsAt[field]),
    };
  }

  return {
    workloads,
    methods: sortBy(
      services.flatMap((service) => service.methods.map(methodOf)),
      ({ path }) => path,
    ),
    events: sortBy(
      files.flatMap((file) => file.messages).flatMap((message) => eventOf(message, sources)),
      ({ topic }) => topic,
    ),
  };
}

/** The methods that a workload serves. */
export function servedBy(model: MeshModel, workload: string): readonly Method[] {
  return model.methods.filter((method) => method.servedBy.includes(workload));
}

/** The methods that a workload may call. */
export function grantedTo(model: MeshModel, workload: string): readonly Method[] {
  return model.methods.filter(({ policy }) => policy.callers.includes(workload));
}

/** The names of all edges: what is granted to one of them is open to clients from outside. */
export function edgesOf({ workloads }: MeshModel): readonly string[] {
  return workloads.filter(({ kind }) => kind === 'edge').map(({ name }) => name);
}

/** The edges that clients from outside reach a method through: nothing internal, and not what is granted to "*", which means the mesh. */
export function openAt(model: MeshModel, { policy, everybody }: Method): readonly string[] {
  return policy.access === 'internal' || everybody
    ? []
    : edgesOf(model).filter((edge) => policy.callers.includes(edge));
}

function isEssential(service: DescService): boolean {
  return /^grpc\.(health|reflection)\./.test(service.typeName);
}

function workloadsOf(
  files: readonly DescFile[],
  services: readonly DescService[],
  sources: ReturnType<typeof createSources>,
): Workload[] {
  const found = new Map<string, Workload>();
  for (const file of files) {
    getOption(file, meshOption).workloads.forEach(({ name, kind }, place) => {
      const source = sources.ofWorkload(file, place);
      found.set(name, { name, kind: kind === Workload_Kind.EDGE ? 'edge' : 'client', source });
    });
  }
  for (const service of services) {
    const { workload: name } = getOption(service, serviceOption);
    if (name === '' || name === '*' || found.has(name)) continue;
    found.set(name, { name, kind: 'service', source: sources.of(service) });
  }
  return [...found.values()];
}

function eventOf(message: DescMessage, sources: ReturnType<typeof createSources>): MeshEvent[] {
  if (!hasOption(message, eventOption)) return [];
  const { publisher, subscribers } = getOption(message, eventOption);
  return [{ topic: message.typeName, publisher, subscribers: [...subscribers].sort(), source: sources.of(message) }];
}

function sortBy<T>(all: readonly T[], key: (each: T) => string): T[] {
  return [...all].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
