// Slow: about 20 s.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@slipway/core';
import { layoutKey } from '@slipway/spack-buildcache';
import {
  type ActionRunResult,
  type Attack,
  type AttackContext,
  type AttackKeys,
  addKeys,
  addMembers,
  attacks,
  attacksWithoutSignatures,
  isSigned,
  listSpecManifests,
  makeAttackKeys,
  pictureOf,
  prepareStagedTree,
  readManifestText,
  readObject,
  runAction,
  signManifests,
  temporaryDirectory,
  victims,
  writeObject,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';

let keys: AttackKeys;
beforeAll(async () => {
  keys = await makeAttackKeys();
});

type Inputs = Readonly<Record<string, string | undefined>>;

function sign(directory: string, more: Inputs = {}): Promise<ActionRunResult> {
  return runAction(action, { buildcache: directory, 'signing-key': keys.honest.privateArmored, ...more });
}

/** Runs once dry and once for real; both must be refused, and nothing may be signed or written anywhere. */
async function expectRefused(
  context: Pick<AttackContext, 'directory'>,
  more: Inputs = {},
): Promise<UserError> {
  const before = pictureOf(context.directory);
  const output = join(temporaryDirectory('signed'), 'output');
  const runs: readonly Inputs[] = [{}, { 'dry-run': 'true' }, { output }];
  const refusals: UserError[] = [];
  for (const run of runs) {
    const refusal = await sign(context.directory, { ...more, ...run }).catch((error: unknown) => error);
    if (!(refusal instanceof UserError)) throw new Error('it was not refused');
    refusals.push(refusal);
    expect(pictureOf(context.directory)).toEqual(before);
  }
  expect(pictureOf(join(output, '..'))).toEqual(new Map());
  const [first] = refusals;
  if (first === undefined) throw new Error('nothing was run');
  expect(new Set(refusals.map(({ message }) => message))).toEqual(new Set([first.message]));
  expect(first.code).toBe('buildcache-refused');
  return first;
}

/** Whether a closure is complete depends on the mirror as well. */
const inOneEntry = (attack: Attack): boolean =>
  attack.against === 'entry' && attack.code !== 'closure-incomplete';

describe('I4, I8: signing refuses, signs nothing else, and refuses in a dry run as well,', () => {
  it.each(attacksWithoutSignatures.filter(inOneEntry))('$name [$code]', async (attack) => {
    const context = await prepareStagedTree(keys, 'unsigned');
    await attack.apply(context);
    const refusal = await expectRefused(context);
    expect(refusal.message).toContain(`(${attack.code})`);
  });
});

// Unsigned entries are what signing is for, and those signed by an unknown key are signed again, with a warning.
const ofSignatures = attacks.filter(
  (attack) =>
    inOneEntry(attack) && attack.code.startsWith('signature-') && attack.code !== 'signature-unknown-key',
);

describe('I4: signing over signatures by another key refuses', () => {
  it.each(ofSignatures.filter(({ code }) => !/expired|not-pinned/.test(code)))(
    '$name [$code]',
    async (attack) => {
      const context = await prepareStagedTree(keys);
      await attack.apply(context);
      const refusal = await expectRefused(context, { 'signing-key': keys.stranger.privateArmored });
      expect(refusal.message).toContain(`(${attack.code})`);
      expect(refusal.message).toContain(victims.program);
    },
  );
});

describe('I4: signing with require-signed-by refuses', () => {
  const required = (): Inputs => ({
    'signing-key': keys.stranger.privateArmored,
    'require-signed-by': keys.honest.fingerprint,
  });

  it.each(ofSignatures.filter(({ code }) => code !== 'signature-not-pinned'))('$name', async (attack) => {
    const context = await prepareStagedTree(keys);
    await attack.apply(context);
    const trusted = (attack.trusts ?? []).map((name) => keys[name].fingerprint);
    const refusal = await expectRefused(context, {
      ...required(),
      'require-signed-by': [keys.honest.fingerprint, ...trusted].join('\n'),
    });
    expect(refusal.message).toContain(`(${attack.code})`);
    expect(refusal.message).toContain(victims.program);
  });

  it('an entry signed by none of these keys', async () => {
    const context = await prepareStagedTree(keys);
    await addKeys(context.directory, [keys.revoked]);
    await signManifests(context.directory, keys.revoked, [victims.program]);
    expect((await expectRefused(context, required())).message).toContain('(signature-not-pinned)');
  });

  it('an entry that is not signed', async () => {
    const context = await prepareStagedTree(keys);
    writeObject(context.directory, victims.program, readManifestText(context.directory, victims.program));
    const refusal = await expectRefused(context, required());
    expect(refusal.message).toContain(victims.program);
    expect(refusal.message).toContain('(unsigned)');
  });

  it('keys that are not found', async () => {
    const context = await prepareStagedTree(keys);
    const refusal = await expectRefused(context, {
      'signing-key': keys.honest.privateArmored,
      'require-signed-by': keys.stranger.fingerprint,
    });
    expect(refusal.message).toContain('(trusted-key-missing)');
    expect(refusal.hint).toContain('require-signed-by');
  });
});

describe('signing over good signatures by another key', () => {
  it('accepts those by required keys, without a finding', async () => {
    const { directory } = await prepareStagedTree(keys);
    const { outputs, problems } = await sign(directory, {
      'signing-key': keys.stranger.privateArmored,
      'require-signed-by': keys.honest.publicArmored,
    });
    expect(outputs).toMatchObject({ signed: 7 });
    expect(problems).toEqual([]);
    const again = await sign(directory, {
      'signing-key': keys.stranger.privateArmored,
      'require-signed-by': keys.honest.publicArmored,
    });
    expect(again.outputs).toMatchObject({ signed: 0, 'already-signed': 7 });
  });

  it('accepts those by keys in the tree, without a finding', async () => {
    const { directory } = await prepareStagedTree(keys);
    const { outputs, problems } = await sign(directory, { 'signing-key': keys.stranger.privateArmored });
    expect(outputs).toMatchObject({ signed: 7 });
    expect(problems).toEqual([]);
  });

  it('replaces those by missing or expired keys, with a warning for each', async () => {
    const context = await prepareStagedTree(keys);
    await addKeys(context.directory, [keys.expired]);
    await signManifests(context.directory, keys.stranger, [victims.program]);
    await signManifests(context.directory, keys.expired, [victims.library]);
    const { outputs, problems, json } = await sign(context.directory);
    expect(outputs).toMatchObject({ signed: 2, 'already-signed': 5 });
    expect(problems.map(({ code, severity, key }) => [code, severity, key]).sort()).toEqual([
      ['signature-replaced-unchecked', 'warning', victims.program],
      ['signature-replaced-unchecked', 'warning', victims.library],
    ]);
    expect(json('report')).toMatchObject({ replacedUnchecked: 2 });
  });
});

describe('I4: nothing is signed if one manifest cannot be signed as it is:', () => {
  const edits: readonly (readonly [string, (text: string) => string | Uint8Array])[] = [
    ['one with CRLF line ends', (text) => text.replaceAll('\n', '\r\n')],
    ['one with a CR at the end of a line', (text) => text.replace('\n', '\r\n')],
    ['one with blanks at the end of a line', (text) => text.replace('\n', ' \t\n')],
    ['one that begins with a line break', (text) => `\n${text}`],
    ['one with a line of 30,000 characters', (text) => text.replace('{', `{"note":"${'x'.repeat(30_000)}",`)],
    [
      'one with a line that begins with a dash',
      (text) => text.replace('"version":3', '"note":\n-1,\n"version":3'),
    ],
    ['one with an escape sequence in it', (text) => text.replace('{', '{"note":"\u009b2J",')],
    ['one with an armor line in it', (text) => text.replace('{', '{"note":"-----END PGP SIGNATURE-----",')],
    ['one that is not UTF-8', (text) => Buffer.from(text.replace('{', '{"note":"\u00fc",'), 'latin1')],
    [
      'one that reaches the size limit of a signed document',
      (text) => text.replace('{', `{\n"note":[${'0,\n'.repeat(345_000)}0],`),
    ],
  ];

  it.each(edits)('%s', async (_, edit) => {
    const context = await prepareStagedTree(keys, 'unsigned');
    const text = readObject(context.directory, victims.program).toString();
    writeFileSync(join(context.directory, victims.program), edit(text));
    const refusal = await expectRefused(context);
    expect(refusal.message).toContain(victims.program);
    expect(refusal.message).toMatch(/\((manifest-unsignable|manifest-malformed)\)/);
  });
});

describe('the level of signing', () => {
  const setUserId = {
    name: 'opt/spack/greet-2.0-dhoyfew7acbbjzzbqka3wknqpckquxwo/bin/su',
    mode: 0o4755,
    body: 'su',
  };

  it('metadata reads no tarball', async () => {
    const { directory } = await prepareStagedTree(keys, 'unsigned');
    const context = await prepareStagedTree(keys, 'unsigned');
    await addMembers(context, { ...setUserId, name: '../../planted' });
    expect((await sign(context.directory, { level: 'metadata' })).outputs).toMatchObject({ signed: 7 });
    expect((await sign(directory, { level: 'metadata' })).outputs).toMatchObject({ signed: 7 });
  });

  it('full notes set-user-ID and set-group-ID bits, and signs', async () => {
    const context = await prepareStagedTree(keys, 'unsigned');
    await addMembers(context, setUserId, { ...setUserId, name: `${setUserId.name}-2`, mode: 0o2755 });
    const { outputs, problems } = await sign(context.directory);
    expect(outputs).toMatchObject({ signed: 7 });
    expect(problems).toMatchObject([{ code: 'tarball-setuid', severity: 'warning' }]);
    expect(problems[0]?.message).toContain('/bin/su" and 1 other entry');
    expect(listSpecManifests(context.directory).every((key) => isSigned(context.directory, key))).toBe(true);
  });

  it('must be one of the two words', async () => {
    const { directory } = await prepareStagedTree(keys, 'unsigned');
    rmSync(join(directory, layoutKey));
    await expect(sign(directory, { level: 'some' })).rejects.toMatchObject({ code: 'input-invalid' });
  });
});
