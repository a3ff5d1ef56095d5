import { expect, test } from '@jest/globals';
import { contractFiles } from '#gen/contracts.ts';
import { explain } from './explain.ts';
import { answerOf, questionsOf, questionText } from '../matrix.ts';
import { createModel } from '../model.ts';
import { rolesIn, shopRoles } from '../roles.ts';

test('explain says of every question of the matrix what the matrix says, and what to do about a refusal', () => {
  const model = createModel(contractFiles);
  const roles = rolesIn(contractFiles, shopRoles);
  const codes = { denied: 'PERMISSION_DENIED', unauthenticated: 'UNAUTHENTICATED', rejected: 'no connection' } as const;
  for (const question of questionsOf(model, roles)) {
    const answer = answerOf(question);
    const { allowed, text } = explain(model, roles, question, 'proto');
    const wanted = answer === 'allowed' ? 'allowed by the rule' : `${codes[answer]} by the rule`;
    if (allowed !== (answer === 'allowed') || !text.includes(wanted) || text.split('\n').length < (allowed ? 3 : 4))
      throw new Error(`${questionText(question)} is ${answer}, but explained as:\n${text}`);
  }
  expect(roles).toContain('admin');
});
