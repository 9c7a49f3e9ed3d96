import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@slipway/core';
import {
  type ActionRunResult,
  copyOfSpackFixture,
  failureOf,
  listSpecManifests,
  makeKey,
  pictureOf,
  readObject,
  runAction,
  signManifests,
  stageHonestMirror,
  type TestKey,
  temporaryDirectory,
  writeObject,
} from '@slipway/testkit';
import { generateKey } from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';

let key: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
});

type Inputs = Readonly<Record<string, string | undefined>>;

function sign(directory: string, more: Inputs = {}, clock?: Clock): Promise<ActionRunResult> {
  const inputs = { buildcache: directory, 'signing-key': key.privateArmored, ...more };
  return runAction(action, inputs, clock === undefined ? {} : { clock });
}

/** The refusal, which must leave the tree unchanged. */
async function expectUntouched(directory: string, more: Inputs = {}): Promise<Error> {
  const before = pictureOf(directory);
  const failure = await failureOf(sign(directory, more));
  expect(pictureOf(directory)).toEqual(before);
  return failure;
}

describe('I4: signing refuses, says which, and changes nothing: a key that', () => {
  const keys: readonly [string, RegExp, () => Promise<Inputs>][] = [
    [
      'expired',
      /expired on \d{4}-\d{2}-\d{2}/,
      async () => ({ 'signing-key': (await makeKey({ type: 'ed25519', expired: true })).privateArmored }),
    ],
    [
      'is revoked',
      /revoked/,
      async () => ({ 'signing-key': (await makeKey({ type: 'ed25519', revoked: true })).privateArmored }),
    ],
    [
      'cannot sign',
      /sign/,
      async () => {
        const { privateKey } = await generateKey({
          type: 'ecc',
          userIDs: [{ name: 'Certifier' }],
          format: 'object',
          subkeys: [{}],
        });
        // Only its encryption subkey has a secret part.
        if ('makeDummy' in privateKey.keyPacket) privateKey.keyPacket.makeDummy();
        return { 'signing-key': privateKey.armor() };
      },
    ],
    [
      'has another passphrase',
      /passphrase is wrong/,
      async () => ({
        'signing-key': (await makeKey({ type: 'ed25519', passphrase: 'right' })).privateArmored,
        passphrase: 'wrong',
      }),
    ],
    [
      'has a passphrase that was not given',
      /protected by a passphrase, but none was given/,
      async () => ({
        'signing-key': (await makeKey({ type: 'ed25519', passphrase: 'right' })).privateArmored,
      }),
    ],
    ['is public', /public key/, async () => ({ 'signing-key': key.publicArmored })],
    ['is none', /not an armored private key/, async () => ({ 'signing-key': 'no key, but words' })],
    ['is base64 of none', /not an armored private key/, async () => ({ 'signing-key': 'bm8ga2V5' })],
    [
      'lost its line breaks and some of its text',
      /cannot be decoded/,
      async () => {
        const line = key.privateArmored.replaceAll(/\r?\n/g, ' ');
        return { 'signing-key': line.slice(0, 150) + line.slice(173) };
      },
    ],
    [
      'is not among the trusted ones',
      /is the key [0-9A-F]{40}, which is not among trusted-keys/,
      async () => ({ 'signing-key': key.privateArmored, 'trusted-keys': 'AB'.repeat(20) }),
    ],
    [
      'is two keys',
      /holds 2 keys/,
      async () => ({
        'signing-key': `${key.privateArmored}\n${(await makeKey({ type: 'ed25519' })).privateArmored}`,
      }),
    ],
  ];
  it.each(keys)('%s', async (_, message, inputs) => {
    const { directory } = await stageHonestMirror();
    const failure = await expectUntouched(directory, await inputs());
    const code = expect.stringMatching(/^(?:key-unusable|input-invalid)$/);
    expect(failure).toMatchObject({ code, hint: expect.any(String) });
    expect(failure.message).toMatch(message);
  });
});

describe('I4: an existing signature', () => {
  it('by this key is refused if it is bad', async () => {
    const { directory } = await stageHonestMirror();
    await signManifests(directory, key);
    const [manifest = ''] = listSpecManifests(directory);
    const signed = readObject(directory, manifest).toString();
    writeObject(directory, manifest, signed.replace(/"contentLength":(\d)/, '"contentLength":1$1'));
    const failure = await expectUntouched(directory);
    expect(failure).toMatchObject({
      code: 'buildcache-refused',
      message: expect.stringContaining('(signature-bad)'),
    });
    expect(failure.message).toContain(manifest);
  });

  it('is refused if it is not a signature at all', async () => {
    const { directory } = await stageHonestMirror();
    const [manifest = ''] = listSpecManifests(directory);
    const text = readObject(directory, manifest).toString();
    writeObject(directory, manifest, `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${text}\n`);
    expect(await expectUntouched(directory)).toMatchObject({ code: 'buildcache-refused' });
  });
});

describe('bad input', () => {
  it('is reported in one error that names each input', async () => {
    const failure = await failureOf(runAction(action, { 'dry-run': 'perhaps', passphrase: 'only this' }));
    expect(failure).toMatchObject({ code: 'input-invalid' });
    for (const name of [
      '"buildcache" is required',
      '"signing-key" is required',
      '"dry-run" cannot be "perhaps"',
    ]) {
      expect(failure.message).toContain(name);
    }
    expect(failure.message).not.toContain('only this');
  });

  it('a directory that is missing', async () => {
    const missing = join(temporaryDirectory('sign'), 'missing');
    expect(await failureOf(sign(missing))).toMatchObject({ code: 'input-invalid' });
  });

  it('a file instead of a directory', async () => {
    const directory = temporaryDirectory('sign');
    writeObject(directory, 'file', 'text');
    expect(await failureOf(sign(join(directory, 'file')))).toMatchObject({ code: 'input-invalid' });
  });

  it('a directory that is not a buildcache', async () => {
    const directory = temporaryDirectory('sign');
    writeObject(directory, 'README.md', 'text');
    expect(await expectUntouched(directory)).toMatchObject({ code: 'not-a-buildcache' });
  });

  it('an empty directory, and an empty buildcache', async () => {
    const directory = temporaryDirectory('sign');
    expect(await expectUntouched(directory)).toMatchObject({ code: 'buildcache-empty' });
    mkdirSync(join(directory, 'v3/manifests/spec'), { recursive: true });
    mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
    expect(await expectUntouched(directory)).toMatchObject({ code: 'buildcache-empty' });
  });

  it('a buildcache of layout v2', async () => {
    const failure = await expectUntouched(copyOfSpackFixture('v2-signed'));
    expect(failure).toMatchObject({ code: 'not-supported', message: expect.stringContaining('layout v2') });
  });
});
