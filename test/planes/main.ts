import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findEnvoy } from '../../envoy/binary.ts';
import { loadContracts } from '../../mesh/load.ts';
import { type Answer, answerOf, type Plane, type Question, questionsOf, questionText } from '../../mesh/matrix.ts';
import { createModel } from '../../mesh/model.ts';
import type { Rendered } from '../../mesh/render.ts';
import { rolesIn, shopRoles } from '../../mesh/roles.ts';
import { settings } from '../../mesh/shop-settings.ts';
import { type Candidate, type CandidateOptions, candidatesOf, changeOne } from './candidates.ts';
import { istioItself, wrongRoutes } from './istio-candidate.ts';
import { buildTranslation } from './istio-translation.ts';
import { checkNumbers, shoeModel } from './numbers.ts';
import { createWorld } from './world.ts';

const atOnce = 64;
const shownDifferences = 10;

/** A question that a plane answers otherwise than the contract. */
type Difference = { readonly question: Question; readonly answer: Answer };

const help = `Usage: npm run check:planes -- [options]

Every caller asks every method at every workload for every user, in every plane, and each must answer as the contract says. Then one
rule is changed by hand, in each plane in several ways, and that must be found.

  --istio   Istio itself instead: what its own code makes of the YAML, in a real Envoy. That needs Go
  --help    this text
`;

async function main(istioAlone: boolean): Promise<number> {
  const root = resolve(import.meta.dirname, '../..');
  const contracts = loadContracts('proto');
  const model = createModel(contracts);
  const roles = rolesIn(contracts, shopRoles);
  const questions = questionsOf(model, roles);
  const envoy = await findEnvoy(console.log);
  if (istioAlone) await buildTranslation(console.log);
  const numbers = shoeModel();
  const world = await createWorld({
    workloads: numbers.workloads.map(({ name }) => name),
    roles,
    tokens: settings.tokens,
  });
  let isSound = true;
  try {
    const rendered = await readRendered(join(root, 'gen/mesh'));
    const options = { model, settings, world, rendered, envoy };
    const candidates = istioAlone ? [istioItself(options)] : candidatesOf(options);
    console.log(row('plane', 'questions', 'allowed', 'denied', 'unauth.', 'rejected', 'differences', 'seconds'));
    for (const candidate of candidates) isSound = (await holds(candidate, questions)) && isSound;
    console.log('\nOne rule changed by hand:');
    for (const candidate of candidates) isSound = (await findsBreaks(candidate, questions)) && isSound;
    if (istioAlone) isSound = (await routesHold(options)) && isSound;
    if (!istioAlone) console.log('\nThe numbers of a contract, in real Envoys:');
    for (const form of istioAlone ? [] : (['one', 'sidecars'] as const)) {
      const wrong = await checkNumbers({ binary: envoy, form, model: numbers, settings, world });
      console.log(`  ${form}: ${wrong.length === 0 ? 'all hold' : wrong.join('\n    ')}`);
      isSound &&= wrong.length === 0;
    }
  } finally {
    await world.close();
  }
  console.log(isSound ? '\nAll planes answer as the contract, and every change is found.' : '\nThat must not be.');
  return isSound ? 0 : 1;
}

/** Times and attempts as Istio gives them to sidecars; and that it would be seen if one route did not say how often it tries. */
async function routesHold(options: CandidateOptions): Promise<boolean> {
  const wrong = await wrongRoutes(options);
  const silent = changeOne(options.rendered, 'istio/cart.yaml', (text) =>
    text.replace(/ +retries: {attempts: 0}\n/, ''),
  );
  const [found] = await wrongRoutes({ ...options, rendered: silent });
  console.log(
    `\nTimes and attempts, as Istio gives them to sidecars: ${wrong.length === 0 ? 'all hold' : wrong.join('\n  ')}`,
  );
  console.log(`  where a route doesn't say how often: ${found ?? 'NOT FOUND'}`);
  return wrong.length === 0 && found !== undefined;
}

async function holds(candidate: Candidate, all: readonly Question[]): Promise<boolean> {
  const questions = all.filter((question) => candidate.asks?.(question) ?? true);
  const beganMs = performance.now();
  const plane = await candidate.open();
  const answers = await askAll(plane, questions).finally(() => plane.close());
  const differences = differencesIn(candidate, questions, answers);
  const count = (kind: Answer) => answers.filter((answer) => answer === kind).length;
  console.log(
    row(
      candidate.name,
      answers.length,
      count('allowed'),
      count('denied'),
      count('unauthenticated'),
      count('rejected'),
      differences.length,
      ((performance.now() - beganMs) / 1_000).toFixed(1),
    ),
  );
  for (const { question, answer } of differences.slice(0, shownDifferences)) {
    console.log(`  ${questionText(question)}: ${answer}, and the contract says ${answerOf(question)}`);
  }
  return answers.length === questions.length && differences.length === 0;
}

/** Only the workload that was changed is asked. */
async function findsBreaks(candidate: Candidate, questions: readonly Question[]): Promise<boolean> {
  let areAllFound = true;
  for (const { what, workload, open } of candidate.breaks) {
    const asked = questions.filter(
      (question) => question.workload === workload && (candidate.asks?.(question) ?? true),
    );
    const plane = await open();
    const answers = await askAll(plane, asked).finally(() => plane.close());
    const [first, ...more] = differencesIn(candidate, asked, answers);
    const found =
      first === undefined ? 'NOT FOUND' : `${more.length + 1} differences, such as ${questionText(first.question)}`;
    console.log(`  ${candidate.name}: ${what} (${workload}): ${found}`);
    areAllFound &&= first !== undefined;
  }
  return areAllFound;
}

function differencesIn(
  { tellsRefusalsApart }: Candidate,
  questions: readonly Question[],
  answers: readonly Answer[],
): Difference[] {
  const told = (answer: Answer) => (!tellsRefusalsApart && answer === 'unauthenticated' ? 'denied' : answer);
  return questions.flatMap((question, index) => {
    const answer = answers[index];
    if (answer === undefined) throw new Error(`${questionText(question)} was not answered`);
    return told(answer) === told(answerOf(question)) ? [] : [{ question, answer }];
  });
}

/** Many at a time; of methods that may only be called so often at a time, one. */
async function askAll(plane: Plane, questions: readonly Question[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  const all = [...questions.entries()];
  const alone = all.filter(([, { method }]) => method.policy.concurrency > 0).values();
  const others = all.filter(([, { method }]) => method.policy.concurrency === 0).values();
  const lane = async (entries: Iterable<readonly [number, Question]>): Promise<void> => {
    for (const [index, question] of entries) answers[index] = await plane.ask(question);
  };
  await Promise.all([lane(alone), ...Array.from({ length: atOnce }, () => lane(others))]);
  return answers;
}

async function readRendered(folder: string): Promise<Rendered[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
      .map(({ parentPath, name }) => join(parentPath, name))
      .map(async (file) => ({ path: relative(folder, file), text: await readFile(file, 'utf8') })),
  );
}

function row(name: string, ...cells: readonly (string | number)[]): string {
  return [name.padEnd(24), ...cells.map((cell) => String(cell).padStart(11))].join(' ');
}

const { values } = parseArgs({
  options: { istio: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});
if (values.help) console.log(help);
else process.exitCode = await main(values.istio);
