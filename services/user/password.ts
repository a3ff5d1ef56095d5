import { invalidField } from '#platform/fault.ts';
import { normaliseEmail } from './account.ts';

/** NIST SP 800-63B asks for 8 and for no rules of composition; 10 leaves out most of the lists that guessers start with. */
const minLength = 10;

/** One password however it was typed: NFKC, as NIST SP 800-63B asks, so that é and e + ´ are the same key. */
export function normalisePassword(password: string): string {
  return password.normalize('NFKC');
}

/** Refuses a password that a guesser tries first. The message never repeats it. */
export function assertPasswordAllowed({
  password,
  email,
  field,
}: {
  password: string;
  email: string;
  field: string;
}): void {
  const normal = normalisePassword(password);
  const folded = normal.toLowerCase();
  const address = normaliseEmail(email);
  if ([...normal].length < minLength) {
    throw invalidField(field, 'PASSWORD_TOO_SHORT', `use at least ${minLength} characters`);
  }
  if (folded === address || folded === address.slice(0, address.lastIndexOf('@'))) {
    throw invalidField(field, 'PASSWORD_IS_EMAIL', 'choose a password that is not your e-mail address');
  }
  if (isCommon(folded)) {
    throw invalidField(
      field,
      'PASSWORD_COMMON',
      'this is one of the first passwords that others try; choose a rarer one',
    );
  }
}

function isCommon(folded: string): boolean {
  const plain = folded.replaceAll(/[\s._-]/g, '');
  return common.has(plain) || new Set(plain).size < 4 || isRun(plain);
}

/** "abcdefghij", "9876543210": each character one step from the one before. */
function isRun(text: string): boolean {
  const steps = [...text].slice(1).map((character, index) => character.charCodeAt(0) - text.charCodeAt(index));
  const broken = steps.filter((step) => step !== steps[0] || Math.abs(step) > 1).length;
  return steps.length > 0 && broken <= 1;
}

/** The heads of published lists of leaked passwords, where they have ten characters or more, in lower case. */
const common = new Set(
  `1234567890 12345678910 123456789a 1234567891 123456789q 0123456789 0987654321 9876543210 1q2w3e4r5t 1q2w3e4r5t6y
  1qaz2wsx3edc qazwsxedcrfv zaq12wsxcde3 q1w2e3r4t5 q1w2e3r4t5y6 1qazxsw2 qwertyuiop qwertyuiop123 qwerty12345
  qwerty123456 qwerty1234 qwertyuiop1 asdfghjkl123 asdfghjkl1 asdfghjkl; zxcvbnm123 poiuytrewq mnbvcxz123 a123456789
  aa123456789 abc1234567 abc123456789 abcd123456 abcd1234567 abcdef1234 abcde12345 password12 password123 password1234
  password12345 password123456 password01 password00 password99 password2024 password2025 password2026 passwordpassword
  passw0rd123 passw0rd1234 p@ssw0rd123 p@ssword123 p@ssw0rd12 pa55word123 mypassword mypassword1 mypassword123
  yourpassword newpassword newpassword1 changeme123 changemenow letmein123 letmein1234 letmeinnow welcome123 welcome1234
  welcome2024 welcome2025 welcome2026 iloveyou12 iloveyou123 iloveyou1234 iloveyou123456 iloveyouforever ilovemyself
  administrator administrator1 admin12345 admin123456 adminadmin admin1234567 superadmin superadmin1 rootroot123
  football123 baseball123 basketball basketball1 superman123 batman12345 spiderman123 spiderman1 princess123 sunshine123
  charlie123 michael123 jennifer123 jordan12345 liverpool1 liverpool123 manchester chelsea123 arsenal123 barcelona1
  realmadrid trustno1trustno1 whatever123 starwars123 pokemon123 computer123 internet123 samsung123 monkey12345
  dragon12345 master12345 shadow12345 killer12345 summer2024 summer2025 summer2026 winter2024 winter2025 winter2026
  spring2025 autumn2025 correcthorsebatterystaple correcthorse qweasdzxc123 qweasdzxc1 asdasdasd123 qweqweqwe123
  zxczxczxc123 test123456 test1234567 testtest123 testpassword secret12345 secretpassword topsecret123 hello12345
  hello123456 helloworld helloworld1 helloworld123 freedom123 google12345 facebook123 instagram1 instagram123 onlyyou123
  only2u12345 only2uonly2u only2upassword only2u2025 only2u2026 india12345 india123456 krishna123 ganesh12345 jaishreeram
  omnamahshivaya sairam12345 bangladesh pakistan123 australia1 christmas1 christmas123 1029384756 1357924680 2468013579
  1212121212 1122334455 1231231234 1234512345 1234554321 1236987450 147258369a 147258369147 159753456852 7894561230
  741852963a 9638527410 qwe123456789 asd123456789 zxc123456789 1234qwerasdf qwer1234asdf 1234567890q 1234567890a`
    .split(/\s+/)
    .filter((word) => word !== ''),
);
