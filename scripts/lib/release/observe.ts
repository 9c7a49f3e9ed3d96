import { type Changeset, changelogSections, parseChangeset } from './changesets.ts';
import { git, gitIfThere } from './git.ts';

export interface ReleaseRequest {
  readonly version: string;
  readonly push: boolean;
  readonly unsigned: boolean;
}

/** The commit that a tag points to. */
export interface ReleaseTag {
  readonly commit: string;
  /** The commit from which the release was made; undefined if there is none. */
  readonly parent: string | undefined;
}

export interface Remote {
  readonly name: string;
  /** Commits by tag. */
  readonly tags: Readonly<Record<string, string>>;
  /** Whether the remote branch has commits that are not here. */
  readonly isAhead: boolean;
}

/** Everything that determines whether and how a release is made. */
export interface Observation {
  readonly request: ReleaseRequest;
  readonly head: string;
  readonly branch: string | undefined;
  readonly changedFiles: readonly string[];
  readonly currentVersion: string;
  readonly changesets: readonly Changeset[];
  /** Problems with changesets, each with its file. */
  readonly changesetProblems: readonly string[];
  /** Notes by version, newest first. */
  readonly changelog: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, ReleaseTag>>;
  /** Where `push` would go; undefined without `push` or without such a remote. */
  readonly remote: Remote | undefined;
  readonly hasKey: boolean;
}

const remoteName = 'origin';

/** Reads the state of the repository, and that of its remote if the release is to be pushed. */
export async function observe(root: string, request: ReleaseRequest, hasKey: boolean): Promise<Observation> {
  const head = await git(root, ['rev-parse', 'HEAD']);
  const branch = await gitIfThere(root, ['symbolic-ref', '--quiet', '--short', 'HEAD']);
  const status = await git(root, ['status', '--porcelain', '--untracked-files=normal']);
  const manifest = JSON.parse(await git(root, ['show', 'HEAD:package.json'])) as { version: string };
  const changelog = (await gitIfThere(root, ['show', 'HEAD:CHANGELOG.md'])) ?? '';
  return {
    request,
    head,
    branch,
    changedFiles: status === '' ? [] : status.split('\n').map((line) => line.slice(3)),
    currentVersion: manifest.version,
    ...(await observeChangesets(root)),
    changelog: Object.fromEntries(changelogSections(changelog)),
    tags: await observeTags(root),
    remote: request.push ? await observeRemote(root, branch) : undefined,
    hasKey,
  };
}

async function observeChangesets(
  root: string,
): Promise<Pick<Observation, 'changesets' | 'changesetProblems'>> {
  const listed = await git(root, ['ls-tree', '--name-only', 'HEAD', '.changeset/']);
  const files = listed.split('\n').filter((file) => file.endsWith('.md') && !file.endsWith('/README.md'));
  const changesets: Changeset[] = [];
  const changesetProblems: string[] = [];
  for (const file of files) {
    try {
      changesets.push(parseChangeset(file, await git(root, ['show', `HEAD:${file}`])));
    } catch (error) {
      const [reason] = String(error instanceof Error ? error.message : error).split('\n');
      changesetProblems.push(`${file}: ${reason}`);
    }
  }
  return { changesets, changesetProblems };
}

async function observeTags(root: string): Promise<Observation['tags']> {
  const names = (await git(root, ['tag', '--list', 'v[0-9]*'])).split('\n').filter((name) => name !== '');
  const tags = await Promise.all(
    names.map(async (name) => {
      const commit = await git(root, ['rev-parse', `refs/tags/${name}^{commit}`]);
      const parent = await gitIfThere(root, ['rev-parse', '--verify', '--quiet', `${commit}^`]);
      return [name, { commit, parent }] as const;
    }),
  );
  return Object.fromEntries(tags);
}

async function observeRemote(root: string, branch: string | undefined): Promise<Remote | undefined> {
  if ((await gitIfThere(root, ['remote', 'get-url', remoteName])) === undefined) return undefined;
  const lines = (await git(root, ['ls-remote', remoteName])).split('\n');
  const refs = new Map(lines.map((line) => [line.split('\t')[1] ?? '', line.split('\t')[0] ?? '']));
  // An annotated tag has a second line, with ^{}, for the commit it points to.
  const tags = [...refs.keys()]
    .filter((ref) => /^refs\/tags\/v\d/.test(ref) && !ref.endsWith('^{}'))
    .map((ref) => [ref.slice('refs/tags/'.length), refs.get(`${ref}^{}`) ?? refs.get(ref) ?? '']);
  const tip = refs.get(`refs/heads/${branch}`);
  const isAhead =
    tip !== undefined && (await gitIfThere(root, ['merge-base', '--is-ancestor', tip, 'HEAD'])) === undefined;
  return { name: remoteName, tags: Object.fromEntries(tags) as Record<string, string>, isAhead };
}
