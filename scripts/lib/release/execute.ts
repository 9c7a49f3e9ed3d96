import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { withNotes } from './changesets.ts';
import {
  bundleHashes,
  checksumLines,
  differences,
  type Signing,
  signFiles,
  writeChecksums,
} from './files.ts';
import { git } from './git.ts';
import { billOfMaterials, type Materials, thirdPartyNotices } from './materials.ts';
import type { Plan, Step } from './plan.ts';

/** Where and how a release is made. */
export interface Workplace {
  readonly root: string;
  /** An empty directory for all work in progress. Nothing else is written until everything is ready. */
  readonly room: string;
  readonly signing: Signing | undefined;
  readonly nowMs: number;
  /** Builds every bundle in a fresh clone. */
  readonly build: (directory: string) => Promise<void>;
  readonly readMaterials: (directory: string) => Promise<Materials>;
  readonly say: (line: string) => void;
}

export interface Result {
  /** The commit with the notes, on the branch. */
  readonly source: string;
  /** The commit with the bundles, on no branch. */
  readonly released: string;
  readonly files: string;
  readonly pushed: boolean;
}

/** Where the files of a release are kept for uploading. */
export function filesDirectory(root: string, { tag }: Plan): string {
  return join(root, '.cache/releases', tag);
}

/** Carries out a plan. Everything is made in a clone and taken over when it is complete. */
export async function execute(plan: Plan, workplace: Workplace): Promise<Result> {
  const { root, room, say } = workplace;
  const clone = join(room, 'a/slipway');
  await cloneOf(root, plan.from, clone);
  const notes = stepOf(plan, 'write-notes');
  if (notes !== undefined) await commitNotes(plan, notes, clone, workplace);
  const source = await git(clone, ['rev-parse', 'HEAD']);
  await buildTwice(clone, source, workplace);
  const released = await commitBundles(plan, clone, source);
  say(`Released commit: ${released}`);
  const files = join(room, 'files');
  await makeFiles(plan, { clone, files, source, released }, workplace);
  await takeOver(plan, { clone, files, source, released }, workplace);
  const push = stepOf(plan, 'push');
  if (push !== undefined) await pushRelease(root, push);
  return { source, released, files: filesDirectory(root, plan), pushed: push !== undefined };
}

function stepOf<Kind extends Step['kind']>(
  { steps }: Plan,
  kind: Kind,
): Extract<Step, { kind: Kind }> | undefined {
  return steps.find((step): step is Extract<Step, { kind: Kind }> => step.kind === kind);
}

async function cloneOf(from: string, commit: string, directory: string): Promise<void> {
  await git(from, ['clone', '--quiet', '--no-checkout', from, directory]);
  await git(directory, ['checkout', '--quiet', '--detach', commit]);
}

const identityFields = {
  GIT_AUTHOR_NAME: '%an',
  GIT_AUTHOR_EMAIL: '%ae',
  GIT_COMMITTER_NAME: '%cn',
  GIT_COMMITTER_EMAIL: '%ce',
  GIT_AUTHOR_DATE: '%cI',
  GIT_COMMITTER_DATE: '%cI',
};

/** The author, committer and time of a commit, for objects that are derived from it reproducibly. */
async function identityOf(directory: string, commit: string): Promise<Readonly<Record<string, string>>> {
  const format = Object.values(identityFields).join('%n');
  const values = (await git(directory, ['show', '--no-patch', `--format=${format}`, commit])).split('\n');
  return Object.fromEntries(Object.keys(identityFields).map((name, index) => [name, values[index] ?? '']));
}

async function commitNotes(
  { version, notes }: Plan,
  { removes, fromVersion }: Extract<Step, { kind: 'write-notes' }>,
  clone: string,
  { root, nowMs }: Workplace,
): Promise<void> {
  const edit = (file: string, change: (text: string) => string): void => {
    const path = join(clone, file);
    writeFileSync(path, change(existsSync(path) ? readFileSync(path, 'utf8') : ''));
  };
  const date = new Date(nowMs).toISOString().slice(0, 10);
  edit('CHANGELOG.md', (text) => withNotes(text, version, date, notes));
  const manifests = globSync(['package.json', '{actions,packages}/*/package.json'], { cwd: clone });
  for (const file of manifests)
    edit(file, (text) => text.replace(`"version": "${fromVersion}"`, () => `"version": "${version}"`));
  edit('packages/core/src/version.ts', (text) => text.replace(`'${fromVersion}'`, () => `'${version}'`));
  for (const file of removes) rmSync(join(clone, file));
  await git(clone, ['add', '--all']);
  await git(clone, ['commit', '--quiet', '--message', `Slipway ${version}`], {
    environment: await releaserOf(root),
  });
}

/** Who makes the release, according to the repository's configuration, which a clone does not have. */
async function releaserOf(root: string): Promise<Readonly<Record<string, string>>> {
  const ident = await git(root, ['var', 'GIT_COMMITTER_IDENT']).catch(() => '');
  const [, name = '', email = ''] = /^(.*) <(.*)> \d+ [+-]\d+$/.exec(ident) ?? [];
  if (name === '' || email === '')
    throw new Error('git does not know your name and address: set user.name and user.email');
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  };
}

/** Refuses bundles that depend on where or when they are built. */
async function buildTwice(clone: string, source: string, { room, build, say }: Workplace): Promise<void> {
  // A path of another depth and length shows whether the bundles depend on it.
  const other = join(room, 'second/build/in/another/folder');
  await cloneOf(clone, source, other);
  for (const [which, directory] of [
    ['first', clone],
    ['second', other],
  ] as const) {
    say(`Building, the ${which} time …`);
    await build(directory);
  }
  const first = bundleHashes(clone);
  if (first.size === 0) throw new Error('the build made no bundles');
  const different = differences(first, bundleHashes(other));
  if (different.length > 0)
    throw new Error(`two builds of the same commit differ, so nothing is released: ${different.join(', ')}`);
  say(`Both builds made the same ${first.size} files.`);
}

/** The commit that the tags point to. The same source and bundles always give the same commit. */
async function commitBundles(plan: Plan, clone: string, source: string): Promise<string> {
  const step = stepOf(plan, 'commit-bundles');
  await git(clone, ['add', '--force', ...globSync('actions/*/dist', { cwd: clone })]);
  const tree = await git(clone, ['write-tree']);
  const environment = await identityOf(clone, source);
  const message = `Slipway ${plan.version} with its bundles`;
  const commit = await git(clone, ['commit-tree', tree, '-p', source, '-m', message], { environment });
  if (step?.onlyAs !== undefined && step.onlyAs !== commit)
    throw new Error(
      `the tag ${plan.tag} points to ${step.onlyAs}, but this build made ${commit}. The tag of a version never moves: release a later version.`,
    );
  return commit;
}

interface Made {
  readonly clone: string;
  readonly files: string;
  readonly source: string;
  readonly released: string;
}

async function makeFiles(
  { version, notes }: Plan,
  { clone, files, source, released }: Made,
  { room, signing, readMaterials }: Workplace,
): Promise<void> {
  mkdirSync(files);
  const write = (name: string, contents: string | Uint8Array): void =>
    writeFileSync(join(files, name), contents);
  const timeSeconds = Number(await git(clone, ['show', '--no-patch', '--format=%ct', source]));
  const materials = await readMaterials(clone);
  const bom = billOfMaterials(materials, released, timeSeconds);
  const tar = join(room, 'slipway.tar');
  await git(clone, ['archive', '--format=tar', `--prefix=slipway-${version}/`, `--output=${tar}`, released]);
  write(`slipway-${version}.tar.gz`, gzipSync(readFileSync(tar), { level: 9 }));
  write(`slipway-${version}.cdx.json`, `${JSON.stringify(bom, undefined, 2)}\n`);
  write('BUNDLES.sha256', checksumLines(bundleHashes(clone)));
  write('NOTES.md', `${notes}\n`);
  write('THIRD-PARTY-NOTICES.txt', thirdPartyNotices(materials.packages));
  if (signing === undefined) writeChecksums(files);
  else await signFiles(join(clone, 'actions/artifact-sign/dist/index.js'), files, signing, timeSeconds);
}

/** Brings the results into the repository: the files, then the branch, then the tags. Every step can be repeated. */
async function takeOver(
  plan: Plan,
  { clone, files, source, released }: Made,
  { root }: Workplace,
): Promise<void> {
  const destination = filesDirectory(root, plan);
  const partial = `${destination}.partial`;
  rmSync(partial, { recursive: true, force: true });
  cpSync(files, partial, { recursive: true });
  rmSync(destination, { recursive: true, force: true });
  renameSync(partial, destination);
  await git(clone, ['update-ref', 'refs/release/made', released]);
  await git(root, ['fetch', '--quiet', '--no-tags', clone, 'refs/release/made']);
  await git(root, ['merge', '--quiet', '--ff-only', source]);
  const environment = await identityOf(root, source);
  for (const step of plan.steps) {
    if (step.kind !== 'tag') continue;
    const message = `Slipway ${plan.version}\n\n${plan.notes}\n`;
    const args = step.moves
      ? ['tag', '--force', step.name, released]
      : ['tag', '--annotate', '--cleanup=verbatim', '--message', message, step.name, released];
    await git(root, args, { environment });
  }
}

async function pushRelease(
  root: string,
  { remote, branch, tag, moving }: Extract<Step, { kind: 'push' }>,
): Promise<void> {
  const refs = [`refs/heads/${branch}`, `refs/tags/${tag}`];
  const lease = moving === undefined ? [] : [`--force-with-lease=refs/tags/${moving.name}:${moving.from}`];
  const movingRef = moving === undefined ? [] : [`refs/tags/${moving.name}`];
  await git(root, ['push', '--quiet', '--atomic', ...lease, remote, ...refs, ...movingRef]);
}
