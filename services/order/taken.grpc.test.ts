import { expect, test } from '@jest/globals';
import { PaymentStatus } from '#gen/only2u/payment/v1/payment_pb.ts';
import { takenOf } from './taken.grpc.ts';

const inr = (minorUnits: bigint) => ({ minorUnits, currency: 'INR' });

test('money that arrived on a canceled payment pays for nothing: it goes back by itself', () => {
  const said = { status: PaymentStatus.CANCELED, amount: inr(500n), captured: inr(500n) };
  expect(takenOf('online', said)).toBe(0n);
});

test('charges of another amount than was to be paid pay for nothing, whatever they add up to', () => {
  const said = { status: PaymentStatus.PENDING, amount: inr(500n), captured: inr(600n) };
  expect(takenOf('online', said)).toBe(0n);
});

test('what was paid twice counts once', () => {
  const said = { status: PaymentStatus.CAPTURED, amount: inr(500n), captured: inr(1_000n) };
  expect(takenOf('online', said)).toBe(500n);
});

test('cash counts as it is collected, part by part', () => {
  const said = { status: PaymentStatus.PENDING, amount: inr(500n), captured: inr(200n) };
  expect(takenOf('cash', said)).toBe(200n);
});
