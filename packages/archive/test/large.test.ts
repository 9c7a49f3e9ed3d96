// Slow: about 40 s.
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { expect, it } from 'vitest';
import { type ArchiveEntry, checkArchive } from '../src/index.ts';
import { textEntry, unzip, writeNew } from './archives.ts';

it('more than 65,535 entries are written, read back, and counted by Info-ZIP', async () => {
  // Mostly directories, which take the least time.
  const directories = Array.from(
    { length: 65_500 },
    (_, index): ArchiveEntry => ({ name: `d${index}`, kind: 'directory' }),
  );
  const files = directories.slice(-100).map(({ name }) => textEntry(`${name}/file`, name));
  const entries = [...directories, ...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const written = await writeNew(entries);
  await checkArchive(written.path, written, () => undefined);
  expect(unzip('-Zt', written.path)).toMatch(/^65600 files/);
  expect(unzip('-p', written.path, 'd65499/file')).toBe('d65499');
}, 300_000);

it('an entry of more than 4 GiB is written and read back, with memory that does not grow with it', async () => {
  const path = join(temporaryDirectory('large'), 'large');
  writeFileSync(path, 'begin');
  const sizeBytes = 2 ** 32 + 12_345;
  // Sparse: it takes no space.
  truncateSync(path, sizeBytes);
  const large: ArchiveEntry = {
    name: 'large',
    kind: 'file',
    executable: true,
    source: { kind: 'file', path, sizeBytes },
  };
  const before = process.memoryUsage.rss();
  let most = 0;
  let calls = 0;
  const onBytes = (): void => {
    calls += 1;
    if (calls % 64 === 0) most = Math.max(most, process.memoryUsage.rss());
  };
  const written = await writeNew([large, textEntry('small', 'after it')], { level: 1, onBytes });
  await checkArchive(written.path, written, onBytes);
  expect(written.sizeBytes).toBeLessThan(sizeBytes / 50);
  expect(most - before).toBeLessThan(400 * 2 ** 20);
  expect(unzip('-Zl', written.path)).toMatch(new RegExp(`-rwxr-xr-x .* ${sizeBytes} .* large\n`));
  expect(unzip('-p', written.path, 'small')).toBe('after it');
}, 300_000);
