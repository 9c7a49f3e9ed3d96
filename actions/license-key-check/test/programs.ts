import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryDirectory } from '@slipway/testkit';

/** JavaScript that replaces a part of the right programs. */
export interface Faults {
  /** Before the generator makes the key of `customer`. */
  readonly generate?: string;
  /** Instead of the text that is hashed for `customer`. */
  readonly hashed?: string;
  /** After the key of `customer` is made; may change `key`. */
  readonly made?: string;
  /** Before the validator compares `given` with `expected`; may change both. `isMade` tells whether a key is of the generator. */
  readonly validate?: string;
}

export type Transport = 'arguments' | 'json-lines';

export interface Programs {
  readonly directory: string;
  /** What a workflow gives for them. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Every key that the generator has made so far, and every one that the validator was asked for. */
  keys(): readonly string[];
}

export const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** A site's generator and a program's validator, which are right but for `faults`: keys are an HMAC in five groups of five. */
export function makePrograms(faults: Faults = {}, transport: Transport = 'json-lines'): Programs {
  const directory = temporaryDirectory('keys');
  const keyLog = join(directory, 'keys.log');
  writeFileSync(
    join(directory, 'key.mjs'),
    `import { createHmac } from 'node:crypto';
export const alphabet = ${JSON.stringify(alphabet)};
export function makeKey(customer) {
  const hashed = ${faults.hashed ?? 'JSON.stringify([customer.name, customer.email])'};
  const bytes = createHmac('sha256', process.env.KEYGEN_SECRET ?? 'a secret of the site').update(hashed).digest();
  const characters = [...bytes.subarray(0, 25)].map((byte) => alphabet[byte % 32]).join('');
  let key = characters.match(/.{5}/g).join('-');
  ${faults.made ?? ''}
  return key;
}
`,
  );
  writeFileSync(
    join(directory, 'generator.mjs'),
    `import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { alphabet, makeKey } from './key.mjs';
const [, , transport, name, email] = process.argv;
const answer = (customer) => {
  ${faults.generate ?? ''}
  const key = makeKey(customer);
  appendFileSync('made.log', key + '\\n');
  appendFileSync(${JSON.stringify(keyLog)}, key + '\\n');
  return key;
};
${frontend('answer(customer)', '{ key: answer(customer) }', '(text) => process.stdout.write(text + "\\n")')}
`,
  );
  writeFileSync(
    join(directory, 'validator.mjs'),
    `import { appendFileSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { alphabet, makeKey } from './key.mjs';
const isMade = (key) => readFileSync('made.log', 'utf8').split('\\n').includes(key);
const [, , transport, name, email] = process.argv;
const answer = (customer) => {
  let given = customer.key;
  appendFileSync(${JSON.stringify(keyLog)}, given + '\\n');
  let expected = makeKey(customer);
  ${faults.validate ?? ''}
  return given === expected;
};
${frontend('answer(customer)', '{ valid: answer(customer) }', '(valid) => { process.exitCode = valid ? 0 : 1; }')}
`,
  );
  const placeholders = transport === 'arguments' ? ' {name} {email}' : '';
  const key = placeholders && ' {key}';
  return {
    directory,
    inputs: {
      generator: `node generator.mjs ${transport}${placeholders}`,
      validator: `node validator.mjs ${transport}${placeholders}${key}`,
      'generator-input': transport,
      'validator-input': transport,
      cases: '12',
      'changes-per-case': '3',
      'key-pattern': '[A-Z2-9]{5}(-[A-Z2-9]{5}){4}',
      'key-alphabet': 'A-HJ-NP-Z2-9',
    },
    keys: () => (existsSync(keyLog) ? readFileSync(keyLog, 'utf8').split('\n').filter(Boolean) : []),
  };
}

/** How a program gets a customer, and gives its answer: the key is an argument or a line of standard input. */
function frontend(single: string, line: string, tell: string): string {
  return `if (transport === 'json-lines') {
  for await (const text of createInterface({ input: process.stdin })) {
    const customer = JSON.parse(text);
    process.stdout.write(JSON.stringify(${line}) + '\\n');
  }
} else {
  const key = process.argv[5] ?? readFileSync(0, 'utf8').trimEnd();
  const customer = { name, email, key };
  (${tell})(${single});
}`;
}

/** Where the first of `secrets` stands in what a run has shown; undefined when none does. */
export function findSecret(shown: string, secrets: readonly string[]): string | undefined {
  const found = secrets.filter((secret) => secret.length >= 8).find((secret) => shown.includes(secret));
  return found === undefined ? undefined : shown.slice(Math.max(0, shown.indexOf(found) - 60)).slice(0, 160);
}

/** Whether a process has ended, or does so in the next two seconds. */
export async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100 && lives(pid); tries += 1) await sleep(20);
  return !lives(pid);
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie has ended; elsewhere there are none for long.
    if (process.platform !== 'linux') return true;
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
