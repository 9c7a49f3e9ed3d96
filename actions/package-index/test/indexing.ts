import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeWheel, type Wheel, type WheelOptions } from '@slipway/testkit';

/** The bundle that a workflow starts. */
export const bundle = fileURLToPath(new URL('../dist/index.js', import.meta.url));

/** Wheels of a framework and of what it needs, by key. */
export async function makePackages(): Promise<ReadonlyMap<string, Wheel>> {
  const wheels: readonly (readonly [string, WheelOptions])[] = [
    [
      'cu118',
      { name: 'torch', version: '2.9.0+cu118', requires: ['Needed.Thing>=1'], requiresPython: '>=3.8' },
    ],
    [
      'cu118',
      { name: 'torch', version: '2.10.0+cu118', requires: ['Needed.Thing>=1'], requiresPython: '>=3.8' },
    ],
    ['cu118', { name: 'torch', version: '3.0+cu118', requiresPython: '>=4' }],
    ['cu118', { name: 'torch', version: '2.11.0+cu118' }],
    ['cpu', { name: 'torch', version: '2.9.0+cpu', requires: ['Needed.Thing>=1'] }],
    ['', { name: 'Needed.Thing', version: '1.2' }],
  ];
  const made = new Map<string, Wheel>();
  for (const [directory, options] of wheels) {
    const wheel = await makeWheel(options);
    made.set(directory === '' ? wheel.fileName : `${directory}/${wheel.fileName}`, wheel);
  }
  return made;
}

/** Writes files below a directory. */
export function writeFiles(directory: string, files: Iterable<readonly [string, string | Uint8Array]>): void {
  for (const [key, content] of files) {
    mkdirSync(dirname(join(directory, key)), { recursive: true });
    writeFileSync(join(directory, key), content);
  }
}

/** Every file below a directory, without what Slipway keeps for itself, by its path. */
export function pagesIn(directory: string): Readonly<Record<string, string>> {
  const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(
    paths
      .filter((path) => /(^|\/)index\.(html|json)$/.test(path))
      .sort()
      .map((path) => [path, readFileSync(join(directory, path), 'utf8')]),
  );
}
