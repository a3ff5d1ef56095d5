import { policies } from '#gen/mesh/policies.ts';
import type { PolicyTable } from '#platform/rpc/policy.ts';
import type { Form } from '../../envoy/node-files.ts';
import { createIstioPlane } from '../../mesh/istio/plane.ts';
import { peersOf } from '../../mesh/envoy/outbound.ts';
import type { Plane, Question } from '../../mesh/matrix.ts';
import type { MeshModel } from '../../mesh/model.ts';
import type { Rendered, RenderSettings } from '../../mesh/render.ts';
import { openBothSidecarsPlane, openEnvoyPlane } from './envoy-plane.ts';
import { openInProcessPlane } from './in-process-plane.ts';
import type { World } from './world.ts';

/** A plane to be asked everything, and changes by hand that must be found in it. */
export type Candidate = {
  readonly name: string;
  /** Whether it says UNAUTHENTICATED where another says PERMISSION_DENIED. */
  readonly tellsRefusalsApart: boolean;
  /** The questions that it can be asked; all, unless told. */
  asks?(question: Question): boolean;
  open(): Promise<Plane>;
  readonly breaks: readonly Break[];
};

/** One rule changed by hand, of one workload. */
export type Break = { readonly what: string; readonly workload: string; open(): Promise<Plane> };

export type CandidateOptions = {
  readonly model: MeshModel;
  readonly settings: RenderSettings;
  readonly world: World;
  /** What stands in gen/mesh, but the parts in TypeScript. */
  readonly rendered: readonly Rendered[];
  /** The Envoy to start; it is not asked for before. */
  readonly envoy: string;
};

const payments = 'only2u.payment.v1.PaymentService';

export function candidatesOf(options: CandidateOptions): readonly Candidate[] {
  return [inProcess(options), envoy('one', options), envoy('sidecars', options), bothSidecars(options), istio(options)];
}

function inProcess({ model, settings, world }: CandidateOptions): Candidate {
  const serving = model.workloads.filter(({ kind }) => kind === 'service').map(({ name }) => name);
  const open = (table: PolicyTable, workloads: readonly string[]) =>
    openInProcessPlane({ policies: table, workloads, settings, world });
  const changed = (what: string, method: string, change: Partial<PolicyTable[string]>): Break => {
    const table: PolicyTable = policies;
    const before = table[`${payments}/${method}`];
    if (before === undefined) throw new Error(`there is no ${method} to change`);
    const after = { ...table, [`${payments}/${method}`]: { ...before, ...change } };
    return { what, workload: 'payment', open: () => open(after, ['payment']) };
  };
  return {
    name: 'in process',
    tellsRefusalsApart: true,
    open: () => open(policies, serving),
    breaks: [
      changed('a caller more', 'CancelPayment', { callers: ['cart', 'order'] }),
      changed('nobody granted', 'CancelPayment', { callers: [] }),
      changed('no token needed', 'GetPayment', { access: 'public' }),
    ],
  };
}

function envoy(form: Form, { model, settings, world, rendered, envoy: binary }: CandidateOptions): Candidate {
  const open = (files: readonly Rendered[]) =>
    openEnvoyPlane({ binary, form, rendered: files, model, settings, world });
  const changed = (what: string, workload: string, change: (text: string) => string): Break => ({
    what,
    workload,
    open() {
      const path = form === 'one' ? 'envoy/one/listeners.yaml' : `envoy/sidecars/${workload}/listeners.yaml`;
      const files = form === 'one' ? rendered : rendered.filter((each) => each.path.includes(`/${workload}/`));
      return open(changeOne(files, path, change));
    },
  });
  const exactly = (method: string) => `exact: /${payments}/${method}}}}`;
  return {
    name: `Envoy, ${form === 'one' ? 'one process' : 'a sidecar each'}`,
    tellsRefusalsApart: true,
    open: () => open(rendered),
    breaks: [
      changed('a principal more', 'payment', (text) =>
        text.replace(
          new RegExp(`(${escaped(exactly('RefundPayment'))}.*\n +principals:\n)( +- .*/sa/)order(.*\n)`),
          '$1$2order$3$2cart$3',
        ),
      ),
      changed('a path less', 'payment', (text) =>
        text.replace(new RegExp(` +- .*${escaped(exactly('CancelPayment'))}.*\n`), ''),
      ),
      changed('no token needed', 'payment', (text) =>
        text.replace(
          `{match: {path: /${payments}/GetPayment}, requirement_name: signed_in}`,
          '{match: {path: /nothing}, requirement_name: signed_in}',
        ),
      ),
      changed('another role', 'coupon', (text) =>
        text.replaceAll('string_match: {exact: vendor}', 'string_match: {exact: reseller}'),
      ),
      changed('no certificate needed', 'coupon', (text) =>
        text.replaceAll('require_client_certificate: true', 'require_client_certificate: false'),
      ),
    ],
  };
}

/** Who has no sidecar can't ask here, and a sidecar leads its workload to nobody but those who serve it something: not to a stranger's health. */
function bothSidecars({ model, settings, world, rendered, envoy: binary }: CandidateOptions): Candidate {
  const open = (files: readonly Rendered[]) =>
    openBothSidecarsPlane({ binary, form: 'sidecars', rendered: files, model, settings, world });
  const cut = (text: string): string =>
    text.replace(/^ *- \{match: \{path: \/only2u\.payment\.v1\.PaymentService\/CancelPayment\}.*\n/m, '');
  return {
    name: 'Envoy, from the callers',
    tellsRefusalsApart: true,
    asks: ({ caller, method, workload }) =>
      typeof caller !== 'string' && (!method.essential || peersOf(model, caller.workload).includes(workload)),
    open: () => open(rendered),
    breaks: [
      {
        what: 'a route less',
        workload: 'payment',
        open: () => open(changeOne(rendered, 'envoy/sidecars/order/listeners.yaml', cut)),
      },
    ],
  };
}

function istio({ model, settings, rendered }: CandidateOptions): Candidate {
  const texts = rendered.filter(({ path }) => path.startsWith('istio/'));
  const open = async (files: readonly Rendered[]) =>
    createIstioPlane({ texts: files.map(({ text }) => text), model, settings });
  const changed = (what: string, workload: string, change: (text: string) => string): Break => ({
    what,
    workload,
    open: () => open(changeOne(texts, `istio/${workload}.yaml`, change)),
  });
  return {
    name: 'Istio, evaluated',
    tellsRefusalsApart: false, // it denies a call without a token, where others ask for one
    open: () => open(texts),
    breaks: [
      changed('a principal more', 'payment', (text) =>
        text.replace(/( +- cluster.local.*\/)order\n(?= +to:)/, '$1order\n$1cart\n'),
      ),
      changed('a path less', 'payment', (text) => text.replace(new RegExp(` +- /${payments}/CancelPayment .*\n`), '')),
    ],
  };
}

/** One file changed. Throws where there is nothing to change: that would be no change to find. */
export function changeOne(files: readonly Rendered[], path: string, change: (text: string) => string): Rendered[] {
  return files.map((file) => {
    if (file.path !== path) return file;
    const text = change(file.text);
    if (text === file.text) throw new Error(`the change by hand finds nothing to change in ${path}`);
    return { path, text };
  });
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
