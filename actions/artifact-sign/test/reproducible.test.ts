import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@slipway/core';
import { failureOf, makeKey, runAction, type TestKey, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';

const laterMs = 3_600_000;

describe('with SOURCE_DATE_EPOCH', () => {
  async function signaturesBy(
    key: TestKey,
    epoch: string | undefined,
    form: 'detached' | 'clear-signed',
    aheadMs = 0,
  ): Promise<readonly string[]> {
    const workDirectory = temporaryDirectory('sign');
    mkdirSync(join(workDirectory, 'out'));
    writeFileSync(join(workDirectory, 'out/a.zip'), 'the same bytes');
    const { failure } = await runAction(
      action,
      { files: 'out/a.zip', 'signing-key': key.privateArmored, 'checksums-signature': form },
      {
        workDirectory,
        environment: epoch === undefined ? {} : { SOURCE_DATE_EPOCH: epoch },
        clock: { ...systemClock, nowMs: () => Date.now() + aheadMs },
      },
    );
    expect(failure).toBeUndefined();
    const names = ['a.zip.asc', 'SHA256SUMS.asc'];
    return names.map((name) => readFileSync(join(workDirectory, 'out', name), 'utf8'));
  }

  it.each(['rsa2048', 'ed25519'] as const)(
    'the same files always get the same signatures: %s',
    async (type) => {
      const key = await makeKey({ type });
      const epoch = String(Math.floor(Date.now() / 1000));
      for (const form of ['detached', 'clear-signed'] as const) {
        const signatures = await signaturesBy(key, epoch, form);
        expect(await signaturesBy(key, epoch, form, laterMs)).toEqual(signatures);
        expect(await signaturesBy(key, undefined, form)).not.toEqual(signatures);
      }
    },
  );

  it('before the key was created, signatures are as old as the key; a future date is not used', async () => {
    const key = await makeKey({ type: 'ed25519' });
    const old = await signaturesBy(key, '0', 'detached');
    expect(await signaturesBy(key, '1', 'detached', laterMs)).toEqual(old);
    await signaturesBy(key, '99999999999', 'detached');
  });

  it('that is not a time, nothing is signed', async () => {
    const key = await makeKey({ type: 'ed25519' });
    const run = runAction(
      action,
      { files: 'a', 'signing-key': key.privateArmored },
      { environment: { SOURCE_DATE_EPOCH: 'yesterday' } },
    );
    expect((await failureOf(run)).message).toContain('SOURCE_DATE_EPOCH must be a whole number');
  });
});
