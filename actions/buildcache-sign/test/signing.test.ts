import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { keyIndexManifestKey, keyManifestKey, layoutKey } from '@slipway/spack-buildcache';
import {
  type ActionRunResult,
  addEntry,
  copyOfSpackFixture,
  gpgMissing,
  isSigned,
  listKeys,
  listSpecManifests,
  makeKey,
  openGpgHome,
  pictureOf,
  readManifestText,
  readObject,
  runAction,
  signManifests,
  spackFixture,
  stageHonestMirror,
  type TestKey,
  temporaryDirectory,
  writeObject,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';

let key: TestKey;
let stranger: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
  stranger = await makeKey({ type: 'ed25519', userId: 'Stranger' });
});

function sign(
  directory: string,
  more: Readonly<Record<string, string | undefined>> = {},
): Promise<ActionRunResult> {
  return runAction(action, { buildcache: directory, 'signing-key': key.privateArmored, ...more });
}

describe('signing', () => {
  it('signs every manifest, adds the public key, its index and layout.json, and reports it', async () => {
    const { directory } = await stageHonestMirror();
    rmSync(join(directory, layoutKey));
    const manifests = listSpecManifests(directory);
    const texts = manifests.map((manifest) => readManifestText(directory, manifest));
    const { outputs, json, failure } = await sign(directory);
    expect(failure).toBeUndefined();
    expect(outputs).toEqual({ fingerprint: key.fingerprint, signed: 7, 'already-signed': 0 });
    expect(manifests.filter((manifest) => !isSigned(directory, manifest))).toEqual([]);
    expect(manifests.map((manifest) => readManifestText(directory, manifest))).toEqual(texts);
    expect(listKeys(directory)).toEqual(
      expect.arrayContaining([layoutKey, keyIndexManifestKey, keyManifestKey(key.fingerprint)]),
    );
    expect(json('report')).toMatchObject({
      action: 'buildcache-sign',
      reportVersion: 1,
      dryRun: false,
      fingerprint: key.fingerprint,
      signed: manifests,
    });
  });

  it('changes no byte the second time', async () => {
    const { directory } = await stageHonestMirror();
    await sign(directory);
    const before = pictureOf(directory);
    expect((await sign(directory)).outputs).toMatchObject({ signed: 0, 'already-signed': 7 });
    expect(pictureOf(directory)).toEqual(before);
  });

  it('signs only what is new', async () => {
    const { directory } = await stageHonestMirror();
    await sign(directory);
    const before = pictureOf(directory);
    const { manifestKey } = await addEntry(directory, { name: 'late' });
    const { outputs, json } = await sign(directory);
    expect(outputs).toMatchObject({ signed: 1, 'already-signed': 7 });
    expect(json('report')).toMatchObject({ signed: [manifestKey] });
    for (const [name, picture] of before)
      expect([name, pictureOf(directory).get(name)]).toEqual([name, picture]);
  });

  it('completes an interrupted run', async () => {
    const whole = (await stageHonestMirror()).directory;
    await sign(whole);
    const { directory } = await stageHonestMirror();
    const [first = '', second = ''] = listSpecManifests(directory);
    for (const manifest of [first, second]) writeObject(directory, manifest, readObject(whole, manifest));
    expect((await sign(directory)).outputs).toMatchObject({ signed: 5, 'already-signed': 2 });
    expect(readObject(directory, first)).toEqual(readObject(whole, first));
    expect(listKeys(directory)).toEqual(listKeys(whole));
    expect((await sign(directory)).outputs).toMatchObject({ signed: 0, 'already-signed': 7 });
  });

  it('replaces a signature by another key', async () => {
    const { directory } = await stageHonestMirror();
    await signManifests(directory, stranger);
    expect((await sign(directory)).outputs).toMatchObject({ signed: 7, 'already-signed': 0 });
    expect((await sign(directory)).outputs).toMatchObject({ signed: 0, 'already-signed': 7 });
  });

  it('signs a mirror that Spack wrote and signed anew', async () => {
    const directory = copyOfSpackFixture('v3-signed');
    expect((await sign(directory)).outputs).toMatchObject({ signed: 5 });
  });

  it('accepts a path relative to the work directory', async () => {
    const { directory } = await stageHonestMirror();
    const inputs = { buildcache: '.', 'signing-key': key.privateArmored };
    const { outputs } = await runAction(action, inputs, { workDirectory: directory });
    expect(outputs).toMatchObject({ signed: 7 });
  });
});

describe('an output directory', () => {
  it('gets everything, signed, and the staged tree stays as it is', async () => {
    const { directory } = await stageHonestMirror();
    const output = join(temporaryDirectory('output'), 'signed');
    const before = pictureOf(directory);
    expect((await sign(directory, { output })).outputs).toMatchObject({ signed: 7 });
    expect(pictureOf(directory)).toEqual(before);
    expect(listSpecManifests(output)).toEqual(listSpecManifests(directory));
    expect(listKeys(output)).toEqual(expect.arrayContaining(listKeys(directory)));
    for (const manifest of listSpecManifests(output)) expect(isSigned(output, manifest)).toBe(true);
  });

  it('is left alone, byte for byte, if everything in it is signed', async () => {
    const { directory } = await stageHonestMirror();
    const output = temporaryDirectory('output');
    await sign(directory, { output });
    const before = pictureOf(output);
    const { outputs } = await sign(directory, { output });
    expect(pictureOf(output)).toEqual(before);
    expect(outputs).toMatchObject({ signed: 0, 'already-signed': 7 });
  });

  it('gets what an interrupted run did not copy or sign', async () => {
    const { directory } = await stageHonestMirror();
    const output = temporaryDirectory('output');
    await sign(directory, { output });
    const [first = '', second = ''] = listSpecManifests(output);
    rmSync(join(output, first));
    writeObject(output, second, readObject(directory, second));
    const before = pictureOf(output);
    expect((await sign(directory, { output })).outputs).toMatchObject({ signed: 2, 'already-signed': 5 });
    expect(isSigned(output, first) && isSigned(output, second)).toBe(true);
    const after = pictureOf(output);
    for (const [name, picture] of before) {
      if (name !== second) expect([name, after.get(name)]).toEqual([name, picture]);
    }
  });

  it('with another entry of the same name is refused, and stays as it is', async () => {
    const { directory } = await stageHonestMirror();
    const output = temporaryDirectory('output');
    await sign(directory, { output });
    const [first = ''] = listSpecManifests(directory);
    const text = readObject(directory, first).toString();
    writeObject(output, first, text.replace(/"checksum":"./, '"checksum":"0'));
    const before = pictureOf(output);
    await expect(sign(directory, { output })).rejects.toMatchObject({ code: 'immutable-conflict' });
    expect(pictureOf(output)).toEqual(before);
  });

  it.each(['.', 'inside', '..'])('in or around the staged tree is refused: %s', async (place) => {
    const { directory } = await stageHonestMirror();
    const before = pictureOf(directory);
    await expect(sign(directory, { output: join(directory, place) })).rejects.toMatchObject({
      code: 'input-invalid',
      message: expect.stringContaining('output'),
    });
    expect(pictureOf(directory)).toEqual(before);
  });
});

describe('a dry run', () => {
  it.each([
    ['in place', false],
    ['into another directory', true],
  ])('%s changes nothing, and its plan and outputs are those of the following run', async (_, isCopied) => {
    const { directory } = await stageHonestMirror();
    const [first] = listSpecManifests(directory);
    const output = isCopied ? { output: join(temporaryDirectory('output'), 'signed') } : {};
    const before = pictureOf(directory);
    const dry = await sign(directory, { ...output, 'dry-run': 'true' });
    expect(pictureOf(directory)).toEqual(before);
    expect(dry.log).toContain(`Would sign ${first}`);
    expect(dry.json('report')).toMatchObject({ dryRun: true, signed: [] });
    const real = await sign(directory, output);
    expect(planOf(real)).toEqual(planOf(dry));
    expect(planOf(dry)).toHaveLength(listSpecManifests(directory).length + (isCopied ? 3 : 1));
    expect(real.outputs).toEqual(dry.outputs);
    expect(dry.outputs).toMatchObject({ signed: 7, 'already-signed': 0 });
  });

  it('does not make the output directory', async () => {
    const { directory } = await stageHonestMirror();
    const parent = temporaryDirectory('output');
    await sign(directory, { output: join(parent, 'signed'), 'dry-run': 'true' });
    expect(pictureOf(parent)).toEqual(new Map());
  });
});

describe.skipIf(gpgMissing)(
  'the real gpg accepts each manifest signed (skipped where gpg is missing)',
  () => {
    it.each([
      ['Ed25519', { type: 'ed25519' }],
      ['RSA-4096', { type: 'rsa4096' }],
      ['a signing subkey', { type: 'ed25519', subkey: true }],
      ['a passphrase', { type: 'ed25519', passphrase: 'the long correct horse' }],
    ] as const)('by a key with %s', async (_, options) => {
      const signer = await makeKey(options);
      const { directory } = await stageHonestMirror();
      const passphrase = signer.passphrase;
      await sign(directory, { 'signing-key': signer.privateArmored, passphrase });
      using gpg = openGpgHome(signer.publicArmored);
      for (const manifest of listSpecManifests(directory)) {
        const { exitCode, status, text } = gpg.verify(join(directory, manifest));
        expect(exitCode, status).toBe(0);
        expect(status).toMatch(new RegExp(`VALIDSIG .* ${signer.fingerprint}\\n`));
        expect(text.trimEnd()).toBe(readManifestText(directory, manifest).trimEnd());
      }
    });

    it('by a key in base64', async () => {
      const directory = copyOfSpackFixture('v3-unsigned');
      const base64 = Buffer.from(key.privateArmored).toString('base64');
      expect((await sign(directory, { 'signing-key': base64 })).outputs).toMatchObject({ signed: 5 });
      using gpg = openGpgHome(key.publicArmored);
      for (const manifest of listSpecManifests(directory)) {
        expect(gpg.verify(join(directory, manifest)).exitCode).toBe(0);
        expect(readManifestText(directory, manifest)).toBe(
          readManifestText(spackFixture('v3-unsigned'), manifest),
        );
      }
    });
  },
);

function planOf(run: ActionRunResult): unknown {
  return (run.json('report') as { readonly plan: unknown }).plan;
}
