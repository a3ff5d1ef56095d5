import { z } from 'zod';
import { databaseVariables } from '#platform/engine-config.ts';
import { parseFaults } from './test-faults.ts';

const dayMs = 24 * 3_600_000;

/** What the payment service reads from the environment. */
export const paymentConfig = z
  .object({
    ...databaseVariables,
    /** Whom new payments go through; unset: razorpay when its key is set, else test when that is on. */
    PAYMENT_PROVIDER: z.enum(['razorpay', 'test', '']).default(''),
    /** The built-in provider, which takes no real money: "on" with the embedded database unless told. */
    TEST_PROVIDER: z.enum(['on', 'off']).default('off'),
    /** How badly it behaves, such as "seed=7,fail=0.1,max-delay=2000". */
    TEST_PROVIDER_FAULTS: z
      .string()
      .default('')
      .transform((text, context) => {
        const faults = parseFaults(text);
        if (faults !== undefined) return faults;
        context.addIssue('is a list such as seed=7,fail=0.1,max-delay=2000: chances from 0 to 1, at most 60000 ms');
        return z.NEVER;
      }),
    RAZORPAY_KEY_ID: z.string().default(''),
    RAZORPAY_KEY_SECRET: z.string().default(''),
    /** Several for a while when one is changed, the order doesn't matter. */
    RAZORPAY_WEBHOOK_SECRETS: z
      .string()
      .default('')
      .transform((text) =>
        text
          .split(',')
          .map((one) => one.trim())
          .filter((one) => one !== ''),
      ),
    RAZORPAY_URL: z.url({ protocol: /^https?$/ }).default('https://api.razorpay.com'),
    /** How old a provider's event may be. Razorpay tells one again for a day. */
    WEBHOOK_WINDOW_MS: z.coerce
      .number()
      .int()
      .min(60_000)
      .max(30 * dayMs)
      .default(3 * dayMs),
  })
  .superRefine((config, context) => {
    const problem = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (config.RAZORPAY_KEY_ID !== '') {
      if (config.RAZORPAY_KEY_SECRET === '') problem('RAZORPAY_KEY_SECRET', 'is needed with RAZORPAY_KEY_ID');
      if (config.RAZORPAY_WEBHOOK_SECRETS.length === 0)
        problem('RAZORPAY_WEBHOOK_SECRETS', 'is needed with RAZORPAY_KEY_ID: without it no event can be believed');
    }
    if (config.PAYMENT_PROVIDER === 'razorpay' && config.RAZORPAY_KEY_ID === '')
      problem('RAZORPAY_KEY_ID', 'is needed with PAYMENT_PROVIDER=razorpay');
    if (config.PAYMENT_PROVIDER === 'test' && config.TEST_PROVIDER === 'off')
      problem('TEST_PROVIDER', 'has to be on with PAYMENT_PROVIDER=test');
  });

export type PaymentConfig = z.infer<typeof paymentConfig>;
