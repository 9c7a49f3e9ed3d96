// Loaded into a child process by `--import`, see `diesAtChange` and `waitsAtChange`: counts what its main thread changes in the file system.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const settings = new URL(import.meta.url).searchParams;
const last = Number(settings.get('change'));
const gate = settings.get('gate');
let changes = 0;

function count(): void {
  changes += 1;
  if (changes !== last) return;
  // It takes effect before this call returns: the change is not made.
  if (gate === null) process.kill(process.pid, 'SIGKILL');
  else waitFor(gate);
}

function waitFor(path: string): void {
  process.stdout.write('waits before a change of the file system\n');
  const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));
  while (!fs.existsSync(path)) Atomics.wait(nobodyWakes, 0, 0, 20);
}

function countCalls(holder: object, names: readonly string[], isChange: (flags: unknown) => boolean): void {
  for (const name of names) {
    const original: unknown = Reflect.get(holder, name);
    if (typeof original !== 'function') continue;
    const counted = function (this: unknown, ...parameters: unknown[]): unknown {
      if (isChange(parameters[1])) count();
      return Reflect.apply(original, this, parameters);
    };
    // Node keeps the promise version of a function there.
    Object.defineProperties(counted, Object.getOwnPropertyDescriptors(original));
    Reflect.set(holder, name, counted);
  }
}

function creates(flags: unknown): boolean {
  return typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : /^[wa]/.test(String(flags));
}

if (isMainThread) {
  const handle = await fs.promises.open(process.execPath);
  const handles: object = Object.getPrototypeOf(handle);
  await handle.close();
  const changing = ['link', 'rename', 'unlink', 'mkdir', 'write', 'writev', 'fsync'];
  countCalls(fs, ['open', 'openSync'], creates);
  countCalls(fs, [...changing, ...changing.map((name) => `${name}Sync`)], () => true);
  countCalls(fs.promises, ['open'], creates);
  countCalls(fs.promises, ['link', 'rename', 'unlink', 'mkdir'], () => true);
  countCalls(handles, ['write', 'writev', 'writeFile', 'appendFile', 'sync', 'datasync'], () => true);
  syncBuiltinESMExports();
  process.on('exit', () => process.stdout.write(`changes of the file system: ${changes}\n`));
}
