import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentProgress } from '@slipway/core';
import { runAction } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { action } from '../src/action.ts';
import { execute } from '../src/execute.ts';
import { plan } from '../src/plan.ts';

let workDirectory = '';
beforeAll(async () => {
  workDirectory = await mkdtemp(join(tmpdir(), 'license-key-check-'));
  await mkdir(join(workDirectory, 'files/below'), { recursive: true });
  await writeFile(join(workDirectory, 'files/a.txt'), 'four');
  await writeFile(join(workDirectory, 'files/b.bin'), 'seven b');
  await writeFile(join(workDirectory, 'files/below/c.txt'), 'not listed');
});
afterAll(() => rm(workDirectory, { recursive: true }));

function run(inputs: Readonly<Record<string, string | boolean>>) {
  return runAction(action, { directory: 'files', ...inputs }, { workDirectory });
}

describe('on a real directory', () => {
  test('measures its files', async () => {
    expect((await run({})).outputs).toEqual({ files: 2, 'total-bytes': 11 });
  });

  test('measures nothing in a dry run', async () => {
    expect((await run({ 'dry-run': true })).outputs).toEqual({ files: 0, 'total-bytes': 0 });
  });

  test('says what is wrong with a directory that is not there', async () => {
    await expect(run({ directory: 'nowhere' })).rejects.toMatchObject({ code: 'input-invalid' });
  });
});

test('a failure in the middle keeps what was done', async () => {
  const sizeOf = async (path: string): Promise<number> => {
    if (path === 'b') throw new Error('gone');
    return 1;
  };
  const { measured, failure } = await execute(plan(['a', 'b'], undefined), sizeOf, silentProgress);
  expect(measured).toEqual([{ path: 'a', sizeBytes: 1 }]);
  expect(failure?.message).toBe('gone');
});
