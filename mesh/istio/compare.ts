import { createIstioPlane } from './plane.ts';
import { manifestsIn } from './policies.ts';
import { answerOf, type Question, questionsOf } from '../matrix.ts';
import type { MeshModel } from '../model.ts';
import type { RenderSettings } from '../render.ts';

/** What some YAML for Istio says about who may call what, held against the contracts. Health and reflection are left out. */
export type Comparison = {
  /** Lines of its policies that are neither empty nor a comment. */
  readonly lines: number;
  /** A workload that calls a method at a workload, for whichever user: how many, and which are too many or missing. */
  readonly pairs: { readonly granted: number; readonly excess: readonly string[]; readonly missing: readonly string[] };
  /** Among the pairs that the contracts grant: for which users they are open though they should not be, or closed. */
  readonly users: { readonly asked: number; readonly excess: readonly string[]; readonly missing: readonly string[] };
};

const policies = new Set(['PeerAuthentication', 'RequestAuthentication', 'AuthorizationPolicy']);

type CompareOptions = {
  readonly texts: readonly string[];
  readonly model: MeshModel;
  readonly settings: RenderSettings;
  /** All roles that a user may have. */
  readonly roles: readonly string[];
};

/** Asks some YAML every question, and counts where it answers otherwise than the contracts. */
export async function compare({ texts, model, settings, roles }: CompareOptions): Promise<Comparison> {
  const plane = createIstioPlane({ texts, model, settings });
  const questions = questionsOf(model, roles).filter(({ method }) => !method.essential);
  const asked = await Promise.all(
    questions.map(async (question) => ({
      question,
      actual: (await plane.ask(question)) === 'allowed',
      expected: answerOf(question) === 'allowed',
    })),
  );
  await plane.close();
  const pairs = [...Map.groupBy(asked, ({ question }) => pairText(question))].map(([text, each]) => ({
    text,
    each,
    actual: each.some(({ actual }) => actual),
    expected: each.some(({ expected }) => expected),
  }));
  const forUsers = pairs.filter((pair) => pair.expected && pair.actual).flatMap(({ each }) => each);
  const textOf = ({ question }: (typeof asked)[number]) => `${pairText(question)} for ${userText(question)}`;
  return {
    lines: texts.reduce((sum, text) => sum + linesOf(text), 0),
    pairs: {
      granted: pairs.filter(({ actual }) => actual).length,
      excess: pairs.filter(({ actual, expected }) => actual && !expected).map(({ text }) => text),
      missing: pairs.filter(({ actual, expected }) => !actual && expected).map(({ text }) => text),
    },
    users: {
      asked: forUsers.length,
      excess: forUsers.filter(({ actual, expected }) => actual && !expected).map(textOf),
      missing: forUsers.filter(({ actual, expected }) => !actual && expected).map(textOf),
    },
  };
}

/** "cart -> only2u.coupon.v1.CouponService/QuoteCoupon", and where if that may be more than one. */
function pairText({ caller, method, workload }: Question): string {
  const who = typeof caller === 'string' ? caller : caller.workload;
  return `${who} -> ${method.path}${method.servedBy.length > 1 ? ` at ${workload}` : ''}`;
}

function userText({ user }: Question): string {
  return typeof user === 'string' ? user : user.role;
}

function linesOf(text: string): number {
  const documents = text
    .split(/^---$/m)
    .filter((document) => manifestsIn([document]).some(({ kind }) => policies.has(kind)));
  return documents
    .join('')
    .split('\n')
    .filter((line) => /^\s*[^\s#]/.test(line)).length;
}
