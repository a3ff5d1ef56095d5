import type { Mesh } from '#platform/identity/spiffe.ts';
import type { MeshModel } from './model.ts';

/** A file of a plane. */
export type Rendered = {
  /** Under gen/mesh, such as "istio/cart.yaml". */
  readonly path: string;
  readonly text: string;
};

/** What the contracts don't say: the facts of a deployment. */
export type RenderSettings = {
  /** The folder of the protos, for the places in comments. */
  readonly protoRoot: string;
  /** Where the TypeScript stubs are imported from, such as "#gen". */
  readonly stubs: string;
  /** On one machine, with Envoy or without. */
  readonly local: Mesh;
  readonly kubernetes: Mesh;
  /** Access tokens of end users: JSON Web Tokens with a claim that lists the user's roles. */
  readonly tokens: { readonly issuer: string; readonly audience: string; readonly rolesClaim: string };
  /** The enum of the roles that users can have, such as "only2u.user.v1.Role"; without it roles are what the contracts name. */
  readonly rolesEnum?: string;
  /** What an edge answers besides calls. */
  readonly edge: {
    /** Paths of its own; a "*" at the end stands for any rest. */
    readonly pages: readonly string[];
    /** The page with the keys that access tokens are signed with, a JSON Web Key Set. */
    readonly keys: string;
  };
  /** Istio's own gateway, which stands before the edge on Kubernetes and ends TLS. */
  readonly ingress: {
    readonly namespace: string;
    readonly serviceAccount: string;
    /** Of its pods. */
    readonly labels: Readonly<Record<string, string>>;
    /** The names that clients know the edge by; "*" takes any. */
    readonly hosts: readonly string[];
    /** The Secret in its namespace that holds their certificate. */
    readonly tlsSecret: string;
  };
  /** The port that a workload listens on. */
  portOf(workload: string): number;
};

/** A plane: pure, so that the same contracts always give the same files. */
export type Renderer = (model: MeshModel, settings: RenderSettings) => readonly Rendered[];
