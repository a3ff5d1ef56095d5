import { expect, test } from '@jest/globals';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { readArguments } from './admin.ts';

test('an address alone asks for the role admin', () => {
  expect(readArguments(['boss@example.com'])).toEqual({ kind: 'grant', email: 'boss@example.com', role: Role.ADMIN });
});

test('another role can be named', () => {
  expect(readArguments(['--role', 'vendor', 'shop@example.com'])).toMatchObject({ role: Role.VENDOR });
});

test('keys are rotated by a flag of its own', () => {
  expect(readArguments(['--rotate-keys'])).toEqual({ kind: 'rotate' });
});

test.each([
  [[], /Name one e-mail address/],
  [['a@example.com', 'b@example.com'], /Name one e-mail address/],
  [['a@example.com', '--role', 'king'], /There is no role king/],
  [['a@example.com', '--rotate-keys'], /stands alone/],
  [['--password', 'hunter2'], /Unknown option/],
])('the arguments %j are refused, and it is said why', (args, message) => {
  expect(() => readArguments(args)).toThrow(message);
});
