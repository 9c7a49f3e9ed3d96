// Slow: about 50 s.
import { pathToFileURL } from 'node:url';
import { type ActionResult, contentsText } from '@slipway/runner';
import {
  type Attack,
  type AttackKeys,
  attacks,
  attacksWithoutSignatures,
  makeAttackKeys,
  pictureOf,
  prepareMirror,
  prepareSignedMirror,
  runAction,
  trustAttacks,
  trustedKeysFor,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';

let keys: AttackKeys;
beforeAll(async () => {
  keys = await makeAttackKeys();
});

interface Trust {
  readonly trustedKeys: string;
  readonly allowUnsigned: boolean;
}

function verify(mirror: string, level: Attack['level'], trust: Trust): Promise<ActionResult> {
  const inputs = {
    'trusted-keys': trust.trustedKeys,
    'allow-unsigned': trust.allowUnsigned,
    mirror: pathToFileURL(mirror).href,
    level,
  };
  return runAction(action, inputs, { workDirectory: mirror });
}

const pinned = (attack: Pick<Attack, 'trusts'>): Trust => ({
  trustedKeys: trustedKeysFor(attack, keys),
  allowUnsigned: false,
});
const nobody: Trust = { trustedKeys: '', allowUnsigned: true };

/** The step fails, and its report lists the code among the errors. */
function expectRefused(result: ActionResult, code: string): void {
  expect(result.failure?.code).toBe('mirror-refused');
  expect(result.outputs).toMatchObject({ verified: false });
  const errors = result.problems
    .filter(({ severity }) => severity === 'error')
    .map((problem) => problem.code);
  expect(errors).toContain(code);
  const report: unknown = JSON.parse(
    contentsText(result.files.find(({ output }) => output === 'report')?.contents ?? ''),
  );
  expect(report).toMatchObject({
    verified: false,
    findings: expect.arrayContaining([expect.objectContaining({ code, severity: 'error' })]),
  });
}

describe('verifying', () => {
  it.each(['metadata', 'full'] as const)('accepts an honest signed mirror at level %s', async (level) => {
    const { directory } = await prepareMirror(keys);
    const result = await verify(directory, level, pinned({}));
    expect(result.failure).toBeUndefined();
    expect(result.outputs).toMatchObject({ verified: true, errors: 0, entries: 10 });
  });

  it('accepts an honest unsigned mirror if that is allowed', async () => {
    const { directory } = await prepareMirror(keys, 'unsigned');
    expect((await verify(directory, 'full', nobody)).failure).toBeUndefined();
  });

  it('I4: refuses an honest unsigned mirror otherwise', async () => {
    const { directory } = await prepareMirror(keys, 'unsigned');
    expectRefused(await verify(directory, 'metadata', pinned({})), 'unsigned');
  });

  it('I4: refuses a mirror signed by another key', async () => {
    const { directory } = await prepareMirror({ ...keys, honest: keys.stranger });
    expectRefused(await verify(directory, 'metadata', pinned({})), 'signature-not-pinned');
  });
});

describe('I1, I4, I8: verifying refuses, and changes nothing,', () => {
  it.each(attacks)('$name [$code]', async (attack) => {
    const context = await prepareMirror(keys);
    await attack.apply(context);
    const before = pictureOf(context.directory);
    expectRefused(await verify(context.directory, attack.level, pinned(attack)), attack.code);
    expect(pictureOf(context.directory)).toEqual(before);
  });
});

describe('I1, I8: verifying an unsigned mirror refuses', () => {
  it.each(attacksWithoutSignatures)('$name [$code]', async (attack) => {
    const context = await prepareMirror(keys, 'unsigned');
    await attack.apply(context);
    expectRefused(await verify(context.directory, attack.level, nobody), attack.code);
  });
});

describe('I4: verifying a mirror whose indexes are signed refuses it after', () => {
  it.each(trustAttacks)('$name [$code]', async (attack) => {
    const context = await prepareSignedMirror(keys);
    await attack.apply(context);
    const before = pictureOf(context.directory);
    expectRefused(await verify(context.directory, 'metadata', pinned({})), attack.code);
    expect(pictureOf(context.directory)).toEqual(before);
  });
});
