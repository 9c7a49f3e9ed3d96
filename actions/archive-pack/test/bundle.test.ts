import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { actionProcess } from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';

// `scripts/bundle archive-pack` builds it.
const main = join(import.meta.dirname, '../dist/index.js');

let workspace = '';
beforeAll(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'archive-pack-'));
  await writeFile(join(workspace, 'a|b.txt'), 'four');
});
afterAll(() => rm(workspace, { recursive: true }));

test('the bundle lists the files as a step of a job', async () => {
  const run = await actionProcess(main, { workspace, inputs: { directory: '.' } });
  expect(run.exitCode).toBe(0);
  expect(run.outputs).toMatchObject({ files: '1', 'total-bytes': '4' });
  expect(run.summary).toContain('| a&#124;b.txt | 4 B |');
});

test('the bundle fails with a sentence', async () => {
  const run = await actionProcess(main, { workspace, inputs: { 'dry-run': 'perhaps' } });
  expect(run.exitCode).toBe(1);
  expect(run.annotations).toHaveLength(1);
  expect(run.annotations[0]?.message).toContain('input "directory" is required');
  expect(run.annotations[0]?.message).toContain('input "dry-run" cannot be "perhaps"');
});
