import { getOption } from '@bufbuild/protobuf';
import { mesh as meshOption, service as serviceOption, Workload_Kind } from '#gen/only2u/mesh/v1/policy_pb.ts';
import { type Found, type Linted, methodRule, type Rule, when } from './rule.ts';
import { edgesOf } from '../model.ts';
import { didYouMean } from '../ask/near.ts';
import { readPolicy } from '../read-policy.ts';
import { createSources } from '../source.ts';

/** Rules about who serves and who calls. */
export const callerRules = {
  policy: methodRule('a method says who may call it, for whom and for how long', ({ policy }) =>
    when(
      policy.callers.length === 0 && policy.access === 'unspecified' && policy.timeoutMs === undefined,
      'callers',
      'has no policy: add option (only2u.mesh.v1.method) with callers, access and timeout',
    ),
  ),
  callers: methodRule('somebody may call a method', ({ policy }) =>
    when(
      policy.callers.length === 0 && (policy.access !== 'unspecified' || policy.timeoutMs !== undefined),
      'callers',
      'may be called by nobody: name its callers, or take the method away',
    ),
  ),
  'unknown-caller': methodRule('who is granted a call is a workload of the mesh', ({ policy }, { model }) => {
    const names = model.workloads.map(({ name }) => name);
    return policy.callers
      .filter((caller) => !names.includes(caller))
      .map((caller) => [
        'callers',
        `is granted to ${caller}, a workload that nobody knows${didYouMean(caller, names) || ': let a contract name it as its workload, or list it in option (only2u.mesh.v1.mesh)'}`,
      ]);
  }),
  everybody: { about: '"*" stands alone: it is all of them', find: everybodyAndOthers },
  workload: { about: 'a contract has a workload that serves it, and a workload is said once', find: workloadProblems },
  'served-by-all': methodRule(
    'what every workload serves is for the mesh alone: a path at the edge names no workload',
    ({ contract, policy }, { files }) =>
      when(
        policy.access !== 'internal' && workloadOf(contract, files) === '*',
        'access',
        'is served by every workload: make it ACCESS_INTERNAL, or name one workload',
      ),
  ),
  edge: methodRule('an edge is a way in: nobody calls it', ({ servedBy }, { model }) => {
    const edge = servedBy.find((each) => edgesOf(model).includes(each));
    return when(
      edge !== undefined,
      'callers',
      `would be served by the edge ${edge}: let a service serve it, and grant the edge the call`,
    );
  }),
} as const satisfies Readonly<Record<string, Rule>>;

function workloadOf(contract: string, files: Linted['files']): string | undefined {
  const service = files.flatMap(({ services }) => services).find(({ typeName }) => typeName === contract);
  return service && getOption(service, serviceOption).workload;
}

function everybodyAndOthers({ model, files }: Linted): readonly Found[] {
  const wide = new Map(
    model.methods.filter(({ everybody, essential }) => everybody && !essential).map((each) => [each.path, each]),
  );
  return files
    .flatMap(({ services }) => services)
    .flatMap(({ methods }) => methods)
    .flatMap((desc) => {
      const method = wide.get(`${desc.parent.typeName}/${desc.name}`);
      if (method === undefined || readPolicy(desc).policy.callers.length === 1) return [];
      return {
        where: method.path,
        source: method.sourceOf('callers'),
        problem: 'is granted to "*" and to others: leave "*" alone, or name them all',
      };
    });
}

function workloadProblems({ model, files }: Linted): readonly Found[] {
  const sources = createSources();
  const declared = files.flatMap((file) =>
    getOption(file, meshOption).workloads.map(({ name, kind }, place) => ({
      name,
      kind,
      source: sources.ofWorkload(file, place),
    })),
  );
  const firsts = new Map([...declared].reverse().map((each) => [each.name, each]));
  const contracts = new Map(model.methods.filter(({ essential }) => !essential).map((each) => [each.contract, each]));
  const services = files.flatMap((file) => file.services).filter(({ typeName }) => contracts.has(typeName));
  return [
    ...services.flatMap((service) => {
      const { workload } = getOption(service, serviceOption);
      const at = { where: service.typeName, source: sources.of(service) };
      if (workload === '')
        return [{ ...at, problem: 'says no workload that serves it: add option (only2u.mesh.v1.service)' }];
      return firsts.get(workload)?.kind === Workload_Kind.CLIENT
        ? [{ ...at, problem: `is served by ${workload}, which is listed as serving nothing: take it off that list` }]
        : [];
    }),
    ...declared.flatMap((each) => [
      ...(each.name === '' || each.name === '*'
        ? [{ where: `"${each.name}"`, source: each.source, problem: 'is no name for a workload' }]
        : []),
      ...(each.kind === Workload_Kind.UNSPECIFIED
        ? [{ where: each.name, source: each.source, problem: 'has no kind: say KIND_EDGE or KIND_CLIENT' }]
        : []),
      ...(firsts.get(each.name) === each
        ? []
        : [{ where: each.name, source: each.source, problem: 'is listed twice: keep one' }]),
    ]),
  ];
}
