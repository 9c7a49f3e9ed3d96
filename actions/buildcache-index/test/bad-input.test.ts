import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  copyOfSpackFixture,
  failureOf,
  makeKey,
  pictureOf,
  runAction,
  type TestKey,
  temporaryDirectory,
  writeObject,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';
import { index, mirrorWithoutIndex } from './indexing.ts';

let key: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
});

describe('bad input', () => {
  it('is reported in one error that names each input', async () => {
    const failure = await failureOf(
      runAction(action, {
        operation: 'destroy',
        view: 'a/b',
        'allow-unsigned': 'maybe',
        'dry-run': 'maybe',
        mirror: 'ftp://somebody:hunter2@example.invalid/mirror',
        'trusted-keys': 'DEADBEEF',
        'signing-key': 'no key at all',
        passphrase: 'a secret without a key',
      }),
    );
    expect(failure).toMatchObject({ code: 'input-invalid' });
    for (const name of ['mirror', 'operation', 'view', 'allow-unsigned', 'dry-run', 'trusted-keys'])
      expect(failure.message).toContain(`"${name}"`);
    expect(failure.message).toContain('signing-key');
    expect(failure.message).not.toMatch(/a secret without a key|no key at all|hunter2/);
  });

  it('that contradicts itself is also one error', async () => {
    const failure = await failureOf(
      runAction(action, {
        mirror: 'file:///somewhere',
        select: 'greet\n/x',
        to: 'yesterday',
        passphrase: 'abcd',
      }),
    );
    expect(failure).toMatchObject({ code: 'input-invalid' });
    for (const words of [
      'trusted-keys is empty',
      'select: "/x"',
      'set without view',
      'not rollback',
      '"yesterday" is not a generation number',
      'without signing-key',
    ])
      expect(failure.message).toContain(words);
  });

  it('a mirror that is missing', async () => {
    expect(await failureOf(index(join(temporaryDirectory('index'), 'missing'), key))).toMatchObject({
      code: 'mirror-missing',
    });
  });

  it.each([
    ['empty', () => temporaryDirectory('index'), 'not-a-buildcache'],
    [
      'no buildcache',
      () => {
        const directory = temporaryDirectory('index');
        writeObject(directory, 'README.md', 'words');
        return directory;
      },
      'not-a-buildcache',
    ],
    ['of layout v2', () => copyOfSpackFixture('v2-unsigned'), 'not-supported'],
  ] as const)('a directory that is %s', async (_, prepare, code) => {
    const directory = prepare();
    const before = pictureOf(directory);
    for (const operation of ['update', 'rebuild', 'rollback', 'list'])
      expect(await failureOf(index(directory, key, { operation })), operation).toMatchObject({ code });
    expect(pictureOf(directory)).toEqual(before);
  });

  it('a mirror that is read-only', async () => {
    const failure = await failureOf(
      runAction(action, { mirror: 'https://example.org/m', 'allow-unsigned': true }),
    );
    expect(failure).toMatchObject({
      code: 'input-invalid',
      message: expect.stringContaining('read-only'),
    });
  });

  it('I7: credentials in the mirror URL, which are never repeated', async () => {
    const failure = await failureOf(
      runAction(action, { mirror: 'https://user:hunter2@example.org/', 'allow-unsigned': true }),
    );
    expect(failure).toMatchObject({ code: 'input-invalid' });
    expect(`${failure.message} ${failure.stack} ${String(failure.cause)}`).not.toContain('hunter2');
  });

  it('a signing key that cannot be used leaves the mirror as it is', async () => {
    const mirror = await mirrorWithoutIndex(key);
    const before = pictureOf(mirror);
    const expired = await makeKey({ type: 'ed25519', expired: true });
    const inputs = {
      'trusted-keys': `${key.fingerprint}\n${expired.fingerprint}`,
      'signing-key': expired.privateArmored,
    };
    expect(await failureOf(index(mirror, key, inputs))).toMatchObject({ code: 'key-unusable' });
    expect(pictureOf(mirror)).toEqual(before);
  });

  it('a signing key that is not trusted', async () => {
    const mirror = await mirrorWithoutIndex(key);
    const before = pictureOf(mirror);
    const stranger = await makeKey({ type: 'ed25519' });
    expect(await failureOf(index(mirror, key, { 'signing-key': stranger.privateArmored }))).toMatchObject({
      code: 'input-invalid',
      message: expect.stringContaining(stranger.fingerprint),
    });
    expect(pictureOf(mirror)).toEqual(before);
  });

  it('a mirror named by a path', async () => {
    const mirror = await mirrorWithoutIndex(key);
    expect(await failureOf(runAction(action, { mirror, 'allow-unsigned': true }))).toMatchObject({
      code: 'input-invalid',
      message: expect.stringContaining(pathToFileURL(mirror).href),
    });
  });
});
