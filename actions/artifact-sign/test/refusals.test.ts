import { appendFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentProgress, systemClock } from '@slipway/core';
import { openSigner } from '@slipway/signing';
import { failureOf, makeKey, runAction, type TestKey } from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';
import { execute } from '../src/execute.ts';
import { pictureOf, sign, workspaceOf } from './signing.ts';

let key: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
});

describe('nothing is signed', () => {
  it.each([
    ['where there is no such file', 'nowhere', 'source-missing', '"nowhere" does not exist'],
    ['where there are only signatures and sums', 'd', 'source-missing', 'no file to sign'],
    ['through a link', 'link', 'source-unreadable', 'symbolic link'],
    ['where a name would break the sums', 'odd', 'name-invalid', 'a line break'],
    ['where a name would be escaped', 'slashed', 'name-invalid', 'a backslash'],
    ['over a file that is not a signature', 'taken', 'immutable-conflict', 'is not a readable signature'],
  ])('%s', async (_, files, code, words) => {
    const workspace = workspaceOf({
      a: 'x',
      'd/a.asc': 'x',
      'd/SHA256SUMS': 'x',
      'odd/a\nb': 'x',
      'slashed/a\\b': 'x',
      'taken/key': 'x',
      'taken/key.asc': 'somebody’s notes',
    });
    symlinkSync('a', join(workspace, 'link'));
    const before = pictureOf(workspace);
    const failure = await failureOf(sign(workspace, key, { files }));
    expect(failure).toMatchObject({ code, message: expect.stringContaining(words) });
    expect(pictureOf(workspace)).toEqual(before);
  });

  it('if the checksums would be beside or below a file that they name', async () => {
    const workspace = workspaceOf({ 'a/x': '1', 'b/y': '2' });
    const failure = await failureOf(sign(workspace, key, { files: 'a\nb', checksums: 'a/SUMS' }));
    expect(failure).toMatchObject({ code: 'name-invalid', message: expect.stringContaining('is not below') });
  });

  it('I4: by a key that is expired, revoked, weak, or not trusted', async () => {
    const workspace = workspaceOf({ a: 'x' });
    const expired = await makeKey({ type: 'ed25519', expired: true });
    const revoked = await makeKey({ type: 'ed25519', revoked: true });
    expect(await failureOf(sign(workspace, expired, { files: 'a' }))).toMatchObject({
      code: 'key-unusable',
      message: expect.stringContaining('expired'),
    });
    expect(await failureOf(sign(workspace, revoked, { files: 'a' }))).toMatchObject({
      code: 'key-unusable',
      message: expect.stringContaining('revoked'),
    });
    const pinned = await failureOf(sign(workspace, key, { files: 'a', 'trusted-keys': 'A'.repeat(40) }));
    expect(pinned).toMatchObject({
      code: 'input-invalid',
      message: expect.stringContaining(key.fingerprint),
    });
    expect(Object.keys(pictureOf(workspace))).toEqual(['a']);
    const run = await sign(workspace, key, { files: 'a', 'trusted-keys': key.publicArmored });
    expect(run.failure).toBeUndefined();
  });

  it('if a file changes after hashing or while it is signed', async () => {
    const workspace = workspaceOf({ a: 'x'.repeat(5_000_000), b: 'y' });
    const clock = systemClock;
    const signer = await openSigner({ armoredKey: key.privateArmored, passphrase: undefined, clock });
    const path = join(workspace, 'a');
    const step = {
      kind: 'sign-file',
      path,
      name: 'a',
      sizeBytes: 5_000_000,
      sha256: '0'.repeat(64),
      signaturePath: `${path}.asc`,
      reason: 'missing',
    } as const;
    const plan = { fingerprint: key.fingerprint, alreadySigned: 0, steps: [step] };
    const other = await execute(plan, signer, silentProgress);
    expect(other.failure).toMatchObject({ code: 'content-invalid' });
    let isChanged = false;
    const advance = (): void => {
      if (!isChanged) appendFileSync(path, 'y');
      isChanged = true;
    };
    const changing = await execute(plan, signer, { ...silentProgress, advance });
    expect(changing.failure).toMatchObject({ code: 'content-invalid' });
    expect(Object.keys(pictureOf(workspace))).toEqual(['a', 'b']);
  });
});

describe('inputs', () => {
  it('are all reported at once if they are wrong, without revealing secrets', async () => {
    const secret =
      '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nhunter2hunter2\n-----END PGP PRIVATE KEY BLOCK-----';
    const { message } = await failureOf(
      runAction(action, { 'signing-key': secret, 'trusted-keys': 'none', signatures: 'some' }),
    );
    for (const words of ['files and artifacts are both empty', 'trusted-keys', 'signatures', 'signing-key'])
      expect(message).toContain(words);
    expect(message).not.toContain('hunter2');
  });

  it.each(['no JSON', '{}', '[{"name":"../x","sizeBytes":1,"sha256":"00"}]'])(
    'I8: an invalid list of artifacts is refused: %s',
    async (text) => {
      const workspace = workspaceOf({ 'list.json': text });
      expect(await failureOf(sign(workspace, key, { artifacts: 'list.json' }))).toMatchObject({
        code: 'content-invalid',
      });
    },
  );

  it('name an existing list of artifacts', async () => {
    const workspace = workspaceOf({});
    writeFileSync(join(workspace, 'x'), '');
    expect(await failureOf(sign(workspace, key, { artifacts: 'gone.json' }))).toMatchObject({
      code: 'source-missing',
      message: expect.stringContaining('gone.json'),
    });
  });
});
