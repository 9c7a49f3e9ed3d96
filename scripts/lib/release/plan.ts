import semver from 'semver';
import { type Bump, bumps, releaseNotes } from './changesets.ts';
import type { Observation } from './observe.ts';

export const keyVariable = 'RELEASE_SIGNING_KEY';
export const passphraseVariable = 'RELEASE_SIGNING_PASSPHRASE';

export type Step =
  | {
      /** Moves the changesets into the changelog and updates the version. */
      readonly kind: 'write-notes';
      readonly removes: readonly string[];
      readonly fromVersion: string;
    }
  | { readonly kind: 'build-twice' }
  | { readonly kind: 'make-files'; readonly signed: boolean }
  | { readonly kind: 'commit-bundles'; readonly onlyAs: string | undefined }
  | { readonly kind: 'tag'; readonly name: string; readonly moves: boolean }
  | {
      readonly kind: 'push';
      readonly remote: string;
      readonly branch: string;
      readonly tag: string;
      /** The moving tag and its present commit at the remote, which is empty if there is none. */
      readonly moving: { readonly name: string; readonly from: string } | undefined;
    };

export interface Plan {
  readonly version: string;
  readonly tag: string;
  /** The commit on the branch from which the release is made. */
  readonly from: string;
  readonly branch: string;
  readonly notes: string;
  readonly steps: readonly Step[];
}

/** Plans a release, or returns everything that prevents it. */
export function plan(observed: Observation): Plan | { readonly problems: readonly string[] } {
  const { request, branch = '', changelog, changesets, remote, tags } = observed;
  const version = semver.valid(request.version) === request.version ? request.version : undefined;
  const isWritten = version !== undefined && version in changelog && observed.currentVersion === version;
  const problems = problemsOf(observed, version, isWritten);
  if (version === undefined || problems.length > 0) return { problems };
  const tag = `v${version}`;
  const movingTag = semver.prerelease(version) === null ? `v${semver.major(version)}` : undefined;
  const moving =
    movingTag === undefined ? undefined : { name: movingTag, from: remote?.tags[movingTag] ?? '' };
  const notesStep: Step = {
    kind: 'write-notes',
    removes: changesets.map(({ file }) => file),
    fromVersion: observed.currentVersion,
  };
  return {
    version,
    tag,
    from: observed.head,
    branch,
    notes: isWritten ? (changelog[version] ?? '') : releaseNotes(changesets),
    steps: [
      ...(isWritten ? [] : [notesStep]),
      { kind: 'build-twice' },
      { kind: 'commit-bundles', onlyAs: tags[tag]?.commit ?? remote?.tags[tag] },
      { kind: 'make-files', signed: observed.hasKey },
      ...(tag in tags ? [] : [{ kind: 'tag', name: tag, moves: false } as const]),
      ...(movingTag === undefined ? [] : [{ kind: 'tag', name: movingTag, moves: true } as const]),
      ...(remote === undefined ? [] : [{ kind: 'push', remote: remote.name, branch, tag, moving } as const]),
    ],
  };
}

function problemsOf(
  observed: Observation,
  version: string | undefined,
  isWritten: boolean,
): readonly string[] {
  const { request, branch, changedFiles, remote, tags, head } = observed;
  const [file, ...more] = changedFiles;
  const tag = `v${version}`;
  const tagged = tags[tag];
  return [
    ...(version === undefined
      ? [`${JSON.stringify(request.version)} is not a version, such as 1.2.3 or 1.2.3-rc.1`]
      : []),
    ...(branch === undefined ? ['HEAD is not on a branch: switch to the one that is released'] : []),
    ...(file === undefined
      ? []
      : [
          `there are uncommitted changes: ${file}${more.length === 0 ? '' : ` and ${more.length} more`}; commit or remove them`,
        ]),
    ...observed.changesetProblems,
    ...(version === undefined ? [] : orderProblems(observed, version, isWritten)),
    ...notesProblems(observed, isWritten),
    ...(tagged !== undefined && tagged.parent !== head
      ? [`the tag ${tag} exists and was not made from this commit. ${finishing(tag)}`]
      : []),
    ...(tagged === undefined && remote?.tags[tag] !== undefined && !isWritten
      ? [`${remote.name} has the tag ${tag}, which was not made from this commit. ${finishing(tag)}`]
      : []),
    ...(observed.hasKey || request.unsigned
      ? []
      : [
          `there is no signing key: set ${keyVariable} (and ${passphraseVariable}), or give --unsigned for a release without signatures`,
        ]),
    ...(observed.hasKey && request.unsigned
      ? [`--unsigned and ${keyVariable} contradict each other: leave one out`]
      : []),
    ...(request.push && remote === undefined ? ['--push needs a remote called origin'] : []),
    ...(remote?.isAhead === true
      ? [`${remote.name}/${branch} has commits that are not here: pull them first`]
      : []),
  ];
}

function finishing(tag: string): string {
  return `To finish that release, release it again from its own commit: git fetch --tags && git switch --create finish-${tag} ${tag}^. Otherwise release a later version`;
}

/** The version must be greater than all released ones, by at least what the changesets require. */
function orderProblems(observed: Observation, version: string, isWritten: boolean): readonly string[] {
  const { changelog, changesets, remote, tags } = observed;
  const tagNames = [...Object.keys(tags), ...Object.keys(remote?.tags ?? {})];
  const released = [...Object.keys(changelog), ...tagNames.map((name) => name.slice(1))].filter(
    (one) => semver.valid(one) !== null && !(isWritten && one === version),
  );
  const [latest] = [...released].sort(semver.rcompare);
  if (latest === undefined) return [];
  if (semver.lte(version, latest)) return [`${version} is not greater than ${latest}, which was released`];
  const bump = bumps.find((candidate) => changesets.some((changeset) => changeset.bump === candidate));
  if (bump === undefined || isWritten) return [];
  const least = leastVersion(latest, bump);
  const core = `${semver.major(version)}.${semver.minor(version)}.${semver.patch(version)}`;
  return semver.lt(core, least)
    ? [`there is a ${bump} changeset, so the version after ${latest} must be at least ${least}`]
    : [];
}

/** Before 1.0.0, a minor version may contain breaking changes. */
function leastVersion(latest: string, bump: Bump): string {
  const effective = semver.major(latest) === 0 && bump === 'major' ? 'minor' : bump;
  return semver.inc(latest, effective) ?? latest;
}

function notesProblems({ changesets, request }: Observation, isWritten: boolean): readonly string[] {
  if (isWritten) {
    return changesets.length === 0
      ? []
      : [
          `CHANGELOG.md has ${request.version}, and there are new changesets: release them as a later version`,
        ];
  }
  return changesets.some(({ bump }) => bump !== undefined)
    ? []
    : ['no changeset in .changeset says what is new for users (docs/guides/releasing.md shows one)'];
}
