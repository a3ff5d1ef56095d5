import { expect, test } from '@jest/globals';
import { contracts } from '#gen/contracts.ts';
import { Health } from '#gen/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '#gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '#gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { decide, policyOf, workloadsServing } from '#platform/rpc/policy.ts';
import { loadContracts } from '../load.ts';
import { answerOf, type Question, questionsOf, questionText } from '../matrix.ts';
import { createModel } from '../model.ts';

const model = createModel(loadContracts('proto'));
const services = [...contracts, Health, ServerReflection, ServerReflectionAlpha];
const methods = new Map(
  services.flatMap((service) => service.methods).map((method) => [`${method.parent.typeName}/${method.name}`, method]),
);
const roles = ['customer', 'vendor', 'influencer', 'reseller', 'admin'];

/** What the table decides. Certificates and tokens are checked before it is asked. */
function decided({ caller, method: { path }, user }: Question): string {
  const method = methods.get(path);
  if (method === undefined) throw new Error(`${path} has no stub`);
  const known = user === 'none' ? undefined : { id: 'usr_1', sessionId: 'ses_1', roles: roleOf(user) };
  const decision = decide(policyOf(method), typeof caller === 'string' ? caller : caller.workload, known);
  if (decision === 'allowed') return decision;
  return decision.reason === 'SIGN_IN_REQUIRED' ? 'unauthenticated' : 'denied';
}

function roleOf(user: Question['user']): readonly string[] {
  return typeof user === 'string' ? [] : [user.role];
}

test('the table of the process decides as the contract does, for every caller, method and user', () => {
  const questions = questionsOf(model, roles).filter(
    ({ caller, user }) => caller !== 'foreign' && caller !== 'anonymous' && user !== 'expired' && user !== 'forged',
  );
  expect(questions.length).toBeGreaterThan(5_000);
  const different = questions.filter((question) => decided(question) !== answerOf(question));
  expect(different.map(questionText)).toEqual([]);
});

test('the table knows who serves a contract', () => {
  for (const { contract, servedBy, path } of model.methods) {
    const method = methods.get(path);
    expect({ contract, servedBy: method && workloadsServing(method.parent) }).toEqual({ contract, servedBy });
  }
});
