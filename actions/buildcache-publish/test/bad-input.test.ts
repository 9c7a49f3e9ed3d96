import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type ActionRunResult,
  copyOfSpackFixture,
  failureOf,
  makeKey,
  pictureOf,
  runAction,
  stageHonestMirror,
  type TestKey,
  temporaryDirectory,
  writeObject,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';

let key: TestKey;
let staged: string;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
  staged = (await stageHonestMirror(key)).directory;
});

type Inputs = Readonly<Record<string, string | undefined>>;

function publish(more: Inputs): Promise<ActionRunResult> {
  const mirror = pathToFileURL(temporaryDirectory('mirror')).href;
  return runAction(action, { buildcache: staged, mirror, 'trusted-keys': key.fingerprint, ...more });
}

describe('bad input', () => {
  it('is reported in one error that names each input', async () => {
    const failure = await failureOf(
      runAction(action, {
        buildcache: '/no/such/directory',
        mirror: 'ftp://somebody:hunter2@example.invalid/mirror',
        'trusted-keys': 'DEADBEEF',
        'signing-key': 'no key at all',
        view: '../main',
        overwrite: 'perhaps',
        'dry-run': '2',
        'allow-unsigned': 'si',
        passphrase: 'a secret without a key',
      }),
    );
    expect(failure).toMatchObject({ code: 'input-invalid' });
    const named = ['buildcache', 'mirror', 'trusted-keys', 'view', 'overwrite', 'dry-run', 'allow-unsigned'];
    for (const name of named) expect(failure.message).toContain(`"${name}"`);
    expect(failure.message).toContain('signing-key');
    expect(failure.message).not.toMatch(/a secret without a key|no key at all|hunter2/);
  });

  it('that contradicts itself is also one error', async () => {
    const failure = await failureOf(publish({ 'trusted-keys': '', passphrase: 'abcd' }));
    expect(failure).toMatchObject({ code: 'input-invalid' });
    expect(failure.message).toContain('trusted-keys is empty');
    expect(failure.message).toContain('passphrase is set without signing-key');
  });

  it('an invalid fingerprint', async () => {
    expect(await failureOf(publish({ 'trusted-keys': 'ABCDEF' }))).toMatchObject({ code: 'input-invalid' });
  });

  it('a fingerprint whose key is nowhere', async () => {
    const failure = await failureOf(publish({ 'trusted-keys': `${key.fingerprint}\n${'A'.repeat(40)}` }));
    expect(failure).toMatchObject({
      code: 'buildcache-refused',
      message: expect.stringContaining('A'.repeat(40)),
    });
  });

  it('a signing key that is not trusted', async () => {
    const stranger = await makeKey({ type: 'ed25519' });
    const mirror = temporaryDirectory('mirror');
    const failure = await failureOf(
      publish({ mirror: pathToFileURL(mirror).href, 'signing-key': stranger.privateArmored }),
    );
    expect(failure).toMatchObject({
      code: 'input-invalid',
      message: expect.stringContaining(stranger.fingerprint),
    });
    expect(pictureOf(mirror)).toEqual(new Map());
  });

  const trees: readonly [string, string, (directory: string) => void][] = [
    ['an empty directory', 'buildcache-empty', () => undefined],
    [
      'a directory that is not a buildcache',
      'not-a-buildcache',
      (directory) => writeObject(directory, 'notes.txt', 'x'),
    ],
    [
      'an empty buildcache',
      'buildcache-empty',
      (directory) => mkdirSync(join(directory, 'v3/manifests'), { recursive: true }),
    ],
  ];
  it.each(trees)('%s', async (_, code, prepare) => {
    const buildcache = temporaryDirectory('staged');
    prepare(buildcache);
    const mirror = temporaryDirectory('mirror');
    const failure = await failureOf(publish({ buildcache, mirror: pathToFileURL(mirror).href }));
    expect(failure).toMatchObject({ code, hint: expect.any(String) });
    expect(pictureOf(mirror)).toEqual(new Map());
  });

  it('a directory that is missing', async () => {
    const failure = await failureOf(publish({ buildcache: join(staged, 'missing') }));
    expect(failure).toMatchObject({
      code: 'input-invalid',
      message: expect.stringContaining('must be a directory'),
    });
  });

  it('a buildcache of layout v2', async () => {
    const buildcache = copyOfSpackFixture('v2-unsigned');
    expect(await failureOf(publish({ buildcache }))).toMatchObject({ code: 'not-supported' });
  });

  it.each([
    ['an unknown scheme', 'ftp://host/mirror', 'scheme'],
    ['no scheme', '/srv/mirror', 'file:///srv/mirror'],
    ['a host in a file URL', 'file://srv/mirror', 'three slashes'],
    ['a query', 'https://host/mirror?token=abc', 'query'],
    ['plain http', 'http://example.org/mirror', 'encrypted'],
    ['https, which only reads', 'https://example.org/mirror', 'read-only'],
    ['S3 in no region', 's3://bucket/mirror', 'aws-region'],
  ])('a mirror URL with %s', async (_, mirror, words) => {
    const failure = await failureOf(publish({ mirror }));
    expect(['input-invalid', 'not-supported']).toContain(Reflect.get(failure, 'code'));
    expect(`${failure.message} ${Reflect.get(failure, 'hint')}`).toContain(words);
  });

  it('I7: credentials in the mirror URL, which are never repeated', async () => {
    for (const mirror of [
      'https://user:hunter2@host/mirror',
      's3://AKIAhunter2:x@bucket',
      'ftp://u:hunter2@h/',
    ]) {
      const failure = await failureOf(publish({ mirror }));
      expect(failure).toMatchObject({ code: 'input-invalid' });
      expect(`${failure.message} ${failure.stack} ${String(failure.cause)}`).not.toContain('hunter2');
    }
  });
});
