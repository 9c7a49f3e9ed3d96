import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Options for Node with which a process is killed by SIGKILL just before the `change`-th change that its main thread makes in the
 * file system (from 1): a file that is created, written, flushed, renamed, linked or removed. So it dies at the same point however
 * busy the machine is. A process that ends by itself prints how many changes it made, for `changesIn`.
 */
export function diesAtChange(change: number): readonly string[] {
  return preload({ change: `${change}` });
}

/**
 * Options with which a process prints `waitsAtChange.says` just before its `change`-th change, and makes it once the file `gate`
 * exists, which another process creates.
 */
export function waitsAtChange(change: number, gate: string): readonly string[] {
  return preload({ change: `${change}`, gate });
}
waitsAtChange.says = 'waits before a change of the file system';

function preload(settings: Readonly<Record<string, string>>): readonly string[] {
  const url = pathToFileURL(join(import.meta.dirname, `dies-at-change${extname(import.meta.filename)}`));
  url.search = `${new URLSearchParams(settings)}`;
  return ['--import', url.href];
}

/** Options with which a process only counts its changes. */
export const countsChanges: readonly string[] = diesAtChange(Number.POSITIVE_INFINITY);

/** How many changes a process made that was started with `countsChanges`. */
export function changesIn(log: string): number {
  const [, count] = /^changes of the file system: (\d+)$/m.exec(log) ?? [];
  if (count === undefined) throw new Error(`the process counted nothing: ${log}`);
  return Number(count);
}

/** At most `count` of the numbers from 1 to `last`, evenly spread. */
export function spread(count: number, last: number): readonly number[] {
  const numbers = Array.from({ length: count }, (_, index) => Math.ceil(((index + 0.5) * last) / count));
  return [...new Set(numbers)];
}
