/** Ends of names of what is a secret, or tells who somebody is or where they live, and must not stand in a log. */
const ends = [
  ...[
    'password',
    'passphrase',
    'secret',
    'token',
    'private_key',
    'signature',
    'otp',
    'authorization',
    'cookie',
    'cart_id',
  ],
  ...['email', 'phone', 'recipient', 'display_name', 'first_name', 'last_name', 'full_name', 'birth_date'],
  ...['address', 'lines', 'city', 'region', 'postal_code', 'user_agent', 'tracking_number'],
  ...['iban', 'upi_id', 'account_number', 'card_number', 'cvc', 'cvv', 'gstin', 'pan'],
  ...['provider_id', 'provider_order_id', 'provider_payment_id'],
];
const end = new RegExp(`(^|_)(${ends.join('|')})$`);

/** Whole names of such: as the end of another name each of these says nothing. */
const alone = /^(html|body|body_json|note)$/;

/** Opaque cursors: they name no one and open nothing. */
const harmless = /^(next_)?page_token$/;

/** Whether what has this name, such as "new_password" or "newPassword", is kept out of logs and of what operators are shown. */
export function isSensitive(name: string): boolean {
  const snake = name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  return (end.test(snake) || alone.test(snake)) && !harmless.test(snake);
}
