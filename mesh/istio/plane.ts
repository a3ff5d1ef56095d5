import { createSidecar, type Token } from './evaluator.ts';
import { keysUri, principalOf } from './names.ts';
import { readPolicies } from './policies.ts';
import type { Plane, Question, User } from '../matrix.ts';
import { edgesOf, type MeshModel } from '../model.ts';
import type { RenderSettings } from '../render.ts';

export type IstioPlaneOptions = {
  /** The YAML, and all that is read of the policy. */
  readonly texts: readonly string[];
  /** For facts alone: the edge, where the keys of tokens are, and the roles that a bad token claims. */
  readonly model: MeshModel;
  readonly settings: RenderSettings;
};

/**
 * Answers as Istio would with some YAML. The facts about who calls come from here: pods wear the label "app" and have the identity of the
 * workload's service account; gRPC is POST; good tokens are signed with the edge's keys.
 */
export function createIstioPlane({ texts, model, settings }: IstioPlaneOptions): Plane {
  const policies = readPolicies(texts);
  const { namespace } = settings.kubernetes;
  const serving = model.workloads.filter(({ kind }) => kind !== 'client').map(({ name }) => name);
  const sidecars = new Map(
    serving.map((name) => {
      const pod = { namespace, labels: { app: name }, port: settings.portOf(name) };
      return [name, createSidecar(policies, pod)];
    }),
  );
  const [edge] = edgesOf(model);
  const everyRole = [...new Set(model.methods.flatMap(({ policy }) => policy.roles))];
  const keysAt = edge === undefined ? '' : keysUri(edge, settings);

  function certificateOf(caller: Question['caller'], granted: string) {
    if (caller === 'anonymous') return undefined;
    if (caller === 'foreign') return { ofThisMesh: false, identity: principalOf(granted, settings) };
    return { ofThisMesh: true, identity: principalOf(caller === 'stranger' ? caller : caller.workload, settings) };
  }

  function tokenOf(user: User): Token | undefined {
    if (user === 'none') return undefined;
    const { issuer, audience, rolesClaim } = settings.tokens;
    return {
      issuer,
      audiences: [audience],
      subject: 'usr_1',
      keysAt: user === 'forged' ? 'http://elsewhere/keys.json' : keysAt,
      expired: user === 'expired',
      claims: { [rolesClaim]: typeof user === 'string' ? everyRole : [user.role] },
    };
  }

  return {
    name: 'istio',
    async ask({ caller, method, workload, user }) {
      const sidecar = sidecars.get(workload);
      if (sidecar === undefined) throw new Error(`${workload} is no workload of the contracts`);
      return sidecar({
        certificate: certificateOf(caller, method.policy.callers[0] ?? workload),
        path: `/${method.path}`,
        method: 'POST',
        token: tokenOf(user),
      });
    },
    async close() {
      // nothing is held
    },
  };
}
