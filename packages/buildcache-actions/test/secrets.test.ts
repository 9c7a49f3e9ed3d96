// Slow: about 20 s.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ActionRun,
  copyOfSpackFixture,
  makeKey,
  stagePackages,
  type TestKey,
  temporaryDirectory,
} from '@slipway/testkit';
import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ActionName, step, urlOf } from './steps.ts';

const passphrase = 'Tr0ub4dor & 3 "quoted" pass/phrase';
const minLineCharacters = 8;

interface Secret {
  readonly key: TestKey;
  /** What must appear nowhere, with a name for it. */
  readonly traces: readonly (readonly [name: string, bytes: Buffer])[];
}

let secrets: Readonly<Record<'ed25519' | 'rsa2048', Secret>>;
beforeAll(async () => {
  secrets = { ed25519: await makeSecret('ed25519'), rsa2048: await makeSecret('rsa2048') };
});

async function makeSecret(type: 'ed25519' | 'rsa2048'): Promise<Secret> {
  const key = await makeKey({ type, passphrase, subkey: true });
  return { key, traces: await tracesOf(key) };
}

/** The passphrase, every line of the armored key that is not in its public half, and its decrypted secret parameters. */
async function tracesOf(key: TestKey): Promise<Secret['traces']> {
  const traces: [string, Buffer][] = [['the passphrase', Buffer.from(passphrase)]];
  const word = passphrase.split(' ')[0] ?? '';
  traces.push(['a word of the passphrase', Buffer.from(word)]);
  for (const form of [JSON.stringify(passphrase).slice(1, -1), encodeURIComponent(passphrase)])
    traces.push(['the passphrase in another form', Buffer.from(form)]);
  // Public parts, such as the end of a signature, may be lines of an armored public key elsewhere.
  const publicBytes = Buffer.from((await openpgp.readKey({ armoredKey: key.publicArmored })).write());
  for (const line of key.privateArmored.split(/\r?\n/)) {
    const isSecret = !publicBytes.includes(Buffer.from(line, 'base64'));
    if (line.length >= minLineCharacters && !line.startsWith('-----') && isSecret)
      traces.push(['a line of the armored key', Buffer.from(line)]);
  }
  const base64 = Buffer.from(key.privateArmored).toString('base64');
  for (let start = 0; start + 64 <= base64.length; start += 64)
    traces.push(['a part of the base64 of the key', Buffer.from(base64.slice(start, start + 64))]);
  const locked = await openpgp.readPrivateKey({ armoredKey: key.privateArmored });
  const unlocked = await openpgp.decryptKey({ privateKey: locked, passphrase });
  for (const { keyPacket } of unlocked.getKeys()) {
    if (!('privateParams' in keyPacket)) throw new Error('the key has no secret part');
    for (const value of Object.values(keyPacket.privateParams as Record<string, unknown>)) {
      if (!(value instanceof Uint8Array)) continue;
      const bytes = Buffer.from(value);
      traces.push(['secret parameters', bytes]);
      traces.push(['secret parameters as hex', Buffer.from(bytes.toString('hex'))]);
      // Its base64 at each of the three offsets in a longer text, without the digits that depend on its neighbours.
      for (const offset of [0, 1, 2]) {
        const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
        traces.push(['secret parameters as base64', Buffer.from(text.slice(offset === 0 ? 0 : 4, -4))]);
      }
    }
  }
  expect(traces.filter(([name]) => name === 'secret parameters').length).toBeGreaterThanOrEqual(2);
  return traces;
}

/** Everything a run left behind: its output except for masks, and every file in its directory and in `others`. */
function leftovers(run: ActionRun, others: readonly string[]): ReadonlyMap<string, Buffer> {
  const shown = run.log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  const left = new Map([['the log', Buffer.from(shown.join('\n'))]]);
  for (const directory of [run.directory, ...others]) {
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) left.set(path, readFileSync(path));
      left.set(`the name ${path}`, Buffer.from(path));
    }
  }
  return left;
}

/** Which parts of a secret appear in what a run left behind, ignoring case. */
function tracesLeft({ traces }: Secret, run: ActionRun, others: readonly string[] = []): string[] {
  const found: string[] = [];
  const lower = (bytes: Buffer): string => bytes.toString('latin1').toLowerCase();
  for (const [place, content] of leftovers(run, others)) {
    const text = lower(content);
    for (const [name, bytes] of traces) if (text.includes(lower(bytes))) found.push(`${name} in ${place}`);
  }
  return found;
}

function expectNoTrace(secret: Secret, run: ActionRun, ...others: readonly string[]): void {
  expect(tracesLeft(secret, run, others)).toEqual([]);
}

/** The command lines and environments of the step's process and its children, as others on the machine see them. */
function snoop(pid: number, seen: Set<string>): void {
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${entry}/status`, 'utf8'))?.[1];
      if (Number(entry) !== pid && Number(parent) !== pid) continue;
      seen.add(readFileSync(`/proc/${entry}/cmdline`, 'latin1'));
      // The runner itself puts inputs into the step's environment; children must not inherit them.
      if (Number(parent) === pid && Number(entry) !== pid && parent !== String(process.pid))
        seen.add(readFileSync(`/proc/${entry}/environ`, 'latin1'));
    } catch {
      // It ended meanwhile.
    }
  }
}

const debug = { environment: { RUNNER_DEBUG: '1' } };

describe.each(['ed25519', 'rsa2048'] as const)(
  'I7: a key of %s and its passphrase leave no trace',
  (type) => {
    it('when all goes well', async () => {
      const { key } = secrets[type];
      const given = { 'signing-key': key.privateArmored, passphrase };
      const staged = copyOfSpackFixture('v3-unsigned');
      const mirror = temporaryDirectory('mirror');
      const trust = { mirror: urlOf(mirror), 'trusted-keys': key.fingerprint };
      const steps: readonly [ActionName, Record<string, string>][] = [
        ['buildcache-sign', { buildcache: staged, ...given }],
        ['buildcache-publish', { buildcache: staged, ...trust, ...given }],
        ['buildcache-index', { ...trust, ...given, operation: 'rebuild' }],
        ['buildcache-verify', { ...trust, 'trusted-keys': key.publicArmored }],
      ];
      for (const [name, inputs] of steps) {
        const run = await step(name, inputs, debug);
        expect(run.exitCode, run.log).toBe(0);
        expectNoTrace(secrets[type], run, staged, mirror);
      }
    });

    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    it.each<readonly [string, (armored: string) => string]>([
      ['as base64', base64],
      ['as base64 of base64', (armored) => base64(base64(armored))],
      ['on one line', (armored) => armored.replaceAll(/\r?\n/g, ' ')],
      ['with escaped line breaks', (armored) => armored.replaceAll(/\r?\n/g, '\\n')],
    ])('when the key came %s, too', async (_, store) => {
      const signingKey = store(secrets[type].key.privateArmored);
      const staged = copyOfSpackFixture('v3-unsigned');
      const given = { buildcache: staged, 'signing-key': signingKey, passphrase };
      const run = await step('buildcache-sign', given, debug);
      expect(run.exitCode, run.log).toBe(0);
      expectNoTrace(secrets[type], run, staged);
    });

    const failures: readonly [string, (key: TestKey) => Record<string, string>][] = [
      [
        'the passphrase is wrong',
        (key) => ({ 'signing-key': key.privateArmored, passphrase: `${passphrase}!` }),
      ],
      ['the passphrase is missing', (key) => ({ 'signing-key': key.privateArmored })],
      [
        'key and passphrase are swapped',
        (key) => ({ 'signing-key': passphrase, passphrase: key.privateArmored }),
      ],
      [
        'the key is damaged',
        (key) => ({ 'signing-key': key.privateArmored.replace(/(\n.{30})./, '$1?'), passphrase }),
      ],
      ['the key is cut', (key) => ({ 'signing-key': key.privateArmored.slice(0, -200), passphrase })],
      [
        'the key lost its line breaks and its end',
        (key) => ({
          'signing-key': key.privateArmored.replaceAll(/\r?\n/g, ' ').slice(0, -200),
          passphrase,
        }),
      ],
    ];
    it.each(failures)('when %s', async (_, inputs) => {
      const { key } = secrets[type];
      const staged = copyOfSpackFixture('v3-unsigned');
      const mirror = temporaryDirectory('mirror');
      const trust = { mirror: urlOf(mirror), 'allow-unsigned': 'true' };
      for (const [name, more] of [
        ['buildcache-sign', { buildcache: staged }],
        ['buildcache-publish', { buildcache: staged, ...trust }],
        ['buildcache-index', { ...trust }],
      ] as const) {
        const run = await step(name, { ...inputs(key), ...more }, debug);
        expect(run.exitCode, run.log).toBe(1);
        expectNoTrace(secrets[type], run, staged, mirror);
      }
    });

    it('when the secret is put into the wrong input', async () => {
      const { key } = secrets[type];
      const staged = copyOfSpackFixture('v3-unsigned');
      const given = { 'signing-key': key.privateArmored, passphrase };
      const runs = [
        await step('buildcache-sign', { ...given, buildcache: staged, report: passphrase }, debug),
        await step('buildcache-sign', { ...given, buildcache: passphrase }, debug),
        await step(
          'buildcache-publish',
          { ...given, buildcache: staged, mirror: passphrase, 'allow-unsigned': 'true' },
          debug,
        ),
      ];
      for (const run of runs) {
        const { traces } = secrets[type];
        const shown = run.log
          .split('\n')
          .filter((line) => !line.startsWith('::add-mask::'))
          .join('\n');
        for (const [name, bytes] of traces) {
          if (name !== 'a word of the passphrase')
            expect(shown.includes(bytes.toString('latin1')), name).toBe(false);
        }
      }
    });
  },
);

describe('I7: a key and its passphrase leave no trace', () => {
  it('when the step crashes halfway', async () => {
    const secret = secrets.ed25519;
    const staged = temporaryDirectory('staged');
    await stagePackages(staged, { count: 30, prefix: 'crash' });
    const inputs = { buildcache: staged, 'signing-key': secret.key.privateArmored, passphrase };
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGABRT', 'SIGSEGV'] as const) {
      const run = await step('buildcache-sign', inputs, {
        ...debug,
        onOutput: (log, kill) => {
          if (log.includes('Signing with')) kill(signal);
        },
      });
      expectNoTrace(secret, run, staged);
    }
  });

  it('when memory runs out', async () => {
    const secret = secrets.ed25519;
    const staged = temporaryDirectory('staged');
    await stagePackages(staged, { count: 30, prefix: 'memory' });
    const inputs = { buildcache: staged, 'signing-key': secret.key.privateArmored, passphrase };
    const run = await step('buildcache-sign', inputs, { nodeOptions: ['--max-old-space-size=8'] });
    expectNoTrace(secret, run, staged);
  });

  it.skipIf(process.platform !== 'linux')(
    'in command lines and environments of processes (skipped without /proc)',
    async () => {
      const secret = secrets.rsa2048;
      const staged = temporaryDirectory('staged');
      await stagePackages(staged, { count: 150, prefix: 'snoop' });
      const inputs = { buildcache: staged, 'signing-key': secret.key.privateArmored, passphrase };
      const seen = new Set<string>();
      const timer = setInterval(() => {
        for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
          try {
            const status = readFileSync(`/proc/${entry}/status`, 'utf8');
            if (Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]) === process.pid) snoop(Number(entry), seen);
          } catch {
            // It ended meanwhile.
          }
        }
      }, 20);
      const run = await step('buildcache-sign', inputs);
      clearInterval(timer);
      expect(run.exitCode, run.log).toBe(0);
      expect([...seen].some((text) => text.includes('buildcache-sign'))).toBe(true);
      const all = [...seen].join('\n');
      for (const [name, bytes] of secret.traces)
        expect(all.includes(bytes.toString('latin1')), name).toBe(false);
    },
  );

  it('and this test would detect one', async () => {
    const secret = secrets.ed25519;
    const run = await step('buildcache-sign', {});
    const planted = { ...run, log: `${run.log}\n${secret.key.privateArmored.split(/\r?\n/)[4]}` };
    expect(tracesLeft(secret, planted)).toEqual(['a line of the armored key in the log']);
  });
});
