import { StartError } from '#platform/start-error.ts';
import type { MeshModel, Method } from '../model.ts';
import { didYouMean } from './near.ts';

/**
 * The method that somebody means by "PlaceOrder", "OrderService/PlaceOrder", "order/PlaceOrder" (by its workload) or the whole path,
 * in whatever case. Throws a StartError when there is none, or more than one.
 */
export function findMethod({ methods }: MeshModel, said: string): Method {
  const wanted = said.replace(/^\//, '').toLowerCase();
  const exact = methods.find(({ path }) => path.toLowerCase() === wanted);
  const found = exact === undefined ? methods.filter((method) => namesOf(method).includes(wanted)) : [exact];
  const [method] = found;
  if (method !== undefined && found.length === 1) return method;
  if (method !== undefined) {
    const paths = found.map(({ path }) => `  ${path}\n`).join('');
    throw new StartError(`${said} may be any of these: write more of its name.\n${paths}`);
  }
  const simple = said.split(/[/.]/).at(-1) ?? said;
  const names = [...new Set(methods.map(({ name }) => name))];
  throw new StartError(
    `There is no method ${said}${didYouMean(simple, names) || ': npm run mesh -- who lists them all.'}`,
  );
}

/** What a method may be called for short, in lower case. */
function namesOf({ contract, name, servedBy }: Method): string[] {
  const parts = contract.split('.');
  const longer = parts.flatMap((_, index) => {
    const rest = parts.slice(index).join('.');
    return [`${rest}/${name}`, `${rest}.${name}`];
  });
  return [name, ...longer, ...servedBy.map((workload) => `${workload}/${name}`)].map((each) => each.toLowerCase());
}
