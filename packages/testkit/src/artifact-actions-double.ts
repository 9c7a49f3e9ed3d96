import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { temporaryDirectory } from './fixtures.ts';

/** The inputs of GitHub's two actions that the doubles support. */
const known = {
  'upload-artifact': [
    'name',
    'path',
    'if-no-files-found',
    'compression-level',
    'retention-days',
    'overwrite',
  ],
  'download-artifact': ['name', 'path', 'pattern', 'merge-multiple', 'run-id', 'github-token'],
} as const;
type Doubled = keyof typeof known;

/**
 * Directories that replace `actions/upload-artifact` and `actions/download-artifact` as the workflows use them, for `repositories`
 * of `runWorkflow`. They pass files on through a directory per run: act's artifact server refuses what GitHub's current client
 * sends. As on GitHub, a name can be used once in a run unless `overwrite` is set, and files lose their executable bit.
 */
export function artifactActionDoubles(...workflows: readonly string[]): Readonly<Record<string, string>> {
  return artifactActionDoublesIn(temporaryDirectory('artifact-stores'), workflows);
}

/** The same with the caller's directory, in which an artifact's files are under `RUN/NAME`. */
export function artifactActionDoublesIn(
  stores: string,
  workflows: readonly string[],
): Readonly<Record<string, string>> {
  const directories = { 'upload-artifact': '', 'download-artifact': '' };
  for (const name of ['upload-artifact', 'download-artifact'] as const)
    directories[name] = writeDouble(name, stores);
  const references = workflows.flatMap((workflow) => [
    ...workflow.matchAll(/\buses: actions\/((?:up|down)load-artifact)@(\S+)/g),
  ]);
  return Object.fromEntries(
    references.map(([, name, ref]) => [`actions/${name}@${ref}`, directories[name as Doubled]]),
  );
}

function writeDouble(name: Doubled, stores: string): string {
  const directory = temporaryDirectory(`${name}-double`);
  const inputs = Object.fromEntries(known[name].map((input) => [input, { description: input }]));
  const runs = { using: 'node24', main: 'index.mjs' };
  const action = { name: `${name} (double)`, description: 'A double.', inputs, runs };
  writeFileSync(join(directory, 'action.yml'), JSON.stringify(action));
  const values = [name, stores].map((value) => JSON.stringify(value)).join(', ');
  const program = `import { runArtifactDouble } from '${import.meta.url}';\nrunArtifactDouble(${values});\n`;
  writeFileSync(join(directory, 'index.mjs'), program);
  return directory;
}

/** Runs in the process of a double. */
export function runArtifactDouble(name: Doubled, stores: string): void {
  const input = (key: string): string => process.env[`INPUT_${key.toUpperCase()}`]?.trim() ?? '';
  const run = input('run-id') || process.env['GITHUB_RUN_ID'];
  const store = join(stores, run ?? '');
  mkdirSync(store, { recursive: true });
  if (name === 'upload-artifact') upload({ store, input });
  else download({ store, input });
}

/** One of the two steps: `store` has a directory for each artifact of the run. */
interface DoubledStep {
  readonly store: string;
  input(name: string): string;
}

function upload({ store, input }: DoubledStep): void {
  const patterns = input('path')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const found = patterns.flatMap((pattern) => globSync(pattern)).map((path) => resolve(path));
  const files = found.flatMap(filesOf);
  if (files.length === 0) {
    if (input('if-no-files-found') === 'error') throw new Error(`no files at ${patterns.join(', ')}`);
    return;
  }
  const [first = '.'] = found;
  const root = found.length === 1 && statSync(first).isDirectory() ? first : commonDirectory(files);
  const artifact = join(store, input('name') || 'artifact');
  if (input('overwrite') === 'true') rmSync(artifact, { recursive: true, force: true });
  // As on GitHub, a name can be used once per run.
  mkdirSync(artifact);
  for (const file of files) copyWithoutMode(file, join(artifact, relative(root, file)));
}

function download({ store, input }: DoubledStep): void {
  const name = input('name');
  const [before = '', after] = input('pattern').split('*');
  const isWanted = (artifact: string): boolean =>
    name === ''
      ? after === undefined || (artifact.startsWith(before) && artifact.endsWith(after))
      : artifact === name;
  const wanted = readdirSync(store).filter(isWanted);
  if (wanted.length === 0) throw new Error(`there is no artifact ${name || input('pattern')}`);
  const isMerged = name !== '' || input('merge-multiple') === 'true';
  for (const artifact of wanted) {
    const to = resolve(input('path') || '.', isMerged ? '.' : artifact);
    for (const file of filesOf(join(store, artifact)))
      copyWithoutMode(file, join(to, relative(join(store, artifact), file)));
  }
}

function copyWithoutMode(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, readFileSync(from), { mode: 0o644 });
}

function filesOf(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  return globSync('**/*', { cwd: path })
    .map((file) => join(path, file))
    .filter((file) => statSync(file).isFile());
}

function commonDirectory(files: readonly string[]): string {
  let root = dirname(files[0] ?? '.');
  while (files.some((file) => relative(root, file).startsWith('..'))) root = dirname(root);
  return root;
}
