import { cpSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Mirrors and a lock file that real Spack wrote; see `testdata/spack/README.md`. */
export type SpackFixture =
  | 'v3-signed'
  | 'v3-unsigned'
  | 'v2-signed'
  | 'v2-unsigned'
  | 'v4-specs'
  | 'v4-index-of-migrate.json'
  | 'environment.spack.lock';

/** The path of a fixture, which must not be written to. */
export function spackFixture(name: SpackFixture): string {
  return fileURLToPath(new URL(`../testdata/spack/${name}`, import.meta.url));
}

/** A new directory for this test run. */
export function temporaryDirectory(label = 'test'): string {
  return mkdtempSync(join(tmpdir(), `slipway-${label}-`));
}

/** For Node processes with an environment of their own: the code that earlier ones of this test run compiled. */
export function compileCache(): Readonly<Record<string, string>> {
  const { NODE_COMPILE_CACHE } = process.env;
  return NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
}

/** A fresh, writable copy of a fixture mirror. */
export function copyOfSpackFixture(name: SpackFixture): string {
  const directory = join(temporaryDirectory(name), 'mirror');
  cpSync(spackFixture(name), directory, { recursive: true });
  return directory;
}

/** The files below a directory by their paths, with `prefix` before each: what `runWorkflow` takes. */
export function filesBelow(directory: string, prefix = ''): Readonly<Record<string, Uint8Array>> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    files.map((file) => [`${prefix}${relative(directory, file)}`, readFileSync(file)]),
  );
}
