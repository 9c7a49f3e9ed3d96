import { cpSync, existsSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { temporaryDirectory } from './fixtures.ts';

const root = resolve(import.meta.dirname, '../../..');

/** The name of this repository and its release in the documentation and its example workflows. */
const repository = 'your-org/slipway';
const tag = 'v1';
/** Stands for the commit of the tag. */
const commit = '51195'.padEnd(40, '0');

/** The contents of a release tag: each action's `action.yml` and bundle, and the reusable workflows. */
export interface ReleaseCopy {
  readonly directory: string;
  /** What `runWorkflow` takes as `repositories`, for workflows that use the release. */
  readonly repositories: Readonly<Record<string, string>>;
}

/**
 * Copies the contents of a release; with `actions`, only those. Throws if a bundle is missing. The references of reusable workflows
 * to their own repository (`$/actions/name`) become references to the commit of the tag, as GitHub's runner does and act does not.
 * Nothing else is changed.
 */
export function copyOfRelease(actions?: readonly string[]): ReleaseCopy {
  const directory = temporaryDirectory('release');
  // act copies the whole repository of an action for each step that uses it.
  const bundles = temporaryDirectory('bundles');
  for (const file of globSync('actions/*/action.yml', { cwd: root })) {
    const action = dirname(file);
    if (actions !== undefined && !actions.includes(action.slice('actions/'.length))) continue;
    mkdirSync(join(directory, action), { recursive: true });
    cpSync(join(root, file), join(directory, file));
    if (isComposite(file)) continue;
    const bundle = join(root, action, 'dist');
    if (!existsSync(bundle)) throw new Error(`${action} is not bundled: run scripts/bundle`);
    cpSync(bundle, join(bundles, action), { recursive: true });
    symlinkSync(join(bundles, action), join(directory, action, 'dist'));
  }
  for (const file of globSync('.github/workflows/*.yml', { cwd: root })) {
    mkdirSync(join(directory, dirname(file)), { recursive: true });
    writeFileSync(join(directory, file), withResolvedReferences(readFileSync(join(root, file), 'utf8')));
  }
  const references = [tag, commit].map((ref) => [`${repository}@${ref}`, directory]);
  return { directory, repositories: Object.fromEntries(references) as Record<string, string> };
}

function isComposite(file: string): boolean {
  return /^ {2}using: composite$/m.test(readFileSync(join(root, file), 'utf8'));
}

function withResolvedReferences(text: string): string {
  return text.replace(/(\buses: )\$\/(\S+)/g, `$1${repository}/$2@${commit}`);
}
