import type { DescFile } from '@bufbuild/protobuf';
import type { MeshModel, Method } from '../model.ts';
import type { PolicyField } from '../read-policy.ts';
import type { Source } from '../source.ts';

/** What a rule looks at. */
export type Linted = {
  readonly model: MeshModel;
  /** Of the same contracts, for what the model doesn't keep. */
  readonly files: readonly DescFile[];
  /** All roles that users can have. */
  readonly roles: readonly string[];
};

/** What it finds: a finding without its name. */
export type Found = { readonly where: string; readonly source: Source; readonly problem: string };

export type Rule = {
  /** What it is for, in one line. */
  readonly about: string;
  find(linted: Linted): readonly Found[];
};

/** What is wrong with one method: the part of the policy that says it, and what to do. */
type Problem = readonly [field: PolicyField, problem: string];

/** A rule that looks at each method by itself, health and reflection left out. */
export function methodRule(about: string, problemsOf: (method: Method, linted: Linted) => readonly Problem[]): Rule {
  return {
    about,
    find: (linted) =>
      linted.model.methods
        .filter(({ essential }) => !essential)
        .flatMap((method) =>
          problemsOf(method, linted).map(([field, problem]) => ({
            where: method.path,
            source: method.sourceOf(field),
            problem,
          })),
        ),
  };
}

/** One problem or none, where a rule has a single thing to say. */
export function when(broken: boolean, field: PolicyField, problem: string): readonly Problem[] {
  return broken ? [[field, problem]] : [];
}
