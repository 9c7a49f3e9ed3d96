import { parseChangesetFile } from '@changesets/parse';

export const bumps = ['major', 'minor', 'patch'] as const;
export type Bump = (typeof bumps)[number];

/** What a change means for users, as written in `.changeset/NAME.md`. */
export interface Changeset {
  readonly file: string;
  /** Undefined if the changeset is empty or says `none`, because the change does not affect users. */
  readonly bump: Bump | undefined;
  readonly summary: string;
}

/** All actions share one version, so changesets name the repository instead of a package. */
export const releasedPackage = 'slipway';

/** Reads a changeset. Throws an `Error` if it is not valid. */
export function parseChangeset(file: string, text: string): Changeset {
  const { releases, summary } = parseChangesetFile(text);
  const others = releases.filter(({ name }) => name !== releasedPackage);
  if (others.length > 0 || releases.length > 1)
    throw new Error(`it must name "${releasedPackage}" once, and nothing else`);
  const [release] = releases;
  const bump = bumps.find((candidate) => candidate === release?.type);
  if (bump === undefined) return { file, bump, summary: '' };
  if (summary.trim() === '') throw new Error('it does not say what changed');
  return { file, bump, summary: summary.trim() };
}

const titles: Readonly<Record<Bump, string>> = {
  major: 'Breaking changes',
  minor: 'New',
  patch: 'Fixed',
};

/** The release notes: the section of the changelog without its heading. */
export function releaseNotes(changesets: readonly Changeset[]): string {
  const sections = bumps.flatMap((bump) => {
    const items = changesets
      .filter((changeset) => changeset.bump === bump)
      .map(({ summary }) => `- ${summary.replaceAll('\n', '\n  ').replaceAll(/^ +$/gm, '')}`);
    return items.length === 0 ? [] : [`### ${titles[bump]}\n\n${items.join('\n')}`];
  });
  return sections.join('\n\n');
}

const preamble = '# Changelog\n\nOne version covers all actions.\n';

/** The changelog with the notes of a new version above the earlier ones. */
export function withNotes(changelog: string, version: string, date: string, notes: string): string {
  const earlier = changelog.indexOf('\n## ');
  const head = earlier < 0 ? changelog || preamble : changelog.slice(0, earlier);
  const rest = earlier < 0 ? '' : changelog.slice(earlier);
  return `${head.trimEnd()}\n\n## ${version} (${date})\n\n${notes}\n${rest}`;
}

/** The notes in a changelog by version, newest first. */
export function changelogSections(changelog: string): ReadonlyMap<string, string> {
  const sections = changelog.split(/^## (?=\d)/m).slice(1);
  return new Map(
    sections.map((section) => {
      const [heading = '', ...lines] = section.split('\n');
      return [heading.split(' ')[0] ?? '', lines.join('\n').trim()];
    }),
  );
}
