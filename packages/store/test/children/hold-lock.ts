// A separate process: takes the lock of a mirror, says so, and never releases it.
import { systemClock } from '@slipway/core';
import { FileLock } from '../../src/file/lock.ts';

const [path = ''] = process.argv.slice(2);
await new FileLock(
  () => path,
  () => `${path}.new`,
  systemClock,
).run('held', async () => {
  process.stdout.write('held\n');
  await new Promise((resolve) => setTimeout(resolve, 600_000));
});
