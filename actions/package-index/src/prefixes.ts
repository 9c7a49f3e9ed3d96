import {
  isBelow,
  type SelectedPrefix,
  type SelectedProject,
  type Selection,
  versionOrder,
} from '@slipway/simple-index';

/** What a prefix or view shows. */
export interface ListedPrefix {
  /** The directory of its pages. */
  readonly prefix: string;
  readonly kind: 'packages' | 'listing';
  /** Directories with pages, below the prefix; empty for the prefix itself. */
  readonly directories: readonly string[];
  readonly files: number;
  /** In the order of their names. */
  readonly projects: readonly ListedProject[];
}

export interface ListedProject {
  /** Normalised; empty for the files of a listing. */
  readonly name: string;
  readonly files: number;
  /** Files of versions that `keep` leaves out. */
  readonly hiddenFiles: number;
  readonly versions: number;
  /** By PEP 440; empty for a listing. */
  readonly latest: string;
}

/** What each prefix of a selection shows. */
export function listedPrefixes({ prefixes }: Selection): readonly ListedPrefix[] {
  return prefixes.map(listedPrefix);
}

function listedPrefix({ configuration, directories, projects }: SelectedPrefix): ListedPrefix {
  const listed = [...projects.values()].map(listedProject);
  return {
    prefix: configuration.pages,
    kind: configuration.kind,
    directories: directories.filter(({ hasPages }) => hasPages).map(({ path }) => path),
    files: listed.reduce((sum, { files }) => sum + files, 0),
    projects: listed,
  };
}

function listedProject({ project, files, hidden }: SelectedProject): ListedProject {
  const versions = new Map(files.map(({ version }) => [versionOrder(version), version]));
  const latest = [...versions.keys()].reduce((one, other) => (one > other ? one : other), '');
  return {
    name: project,
    files: files.length,
    hiddenFiles: hidden.length,
    versions: versions.size,
    latest: versions.get(latest) ?? '',
  };
}

/** The name of a prefix in logs and tables. */
export function prefixName(prefix: string): string {
  return prefix === '' ? 'the whole source' : prefix;
}

/** How many of some keys belong to each prefix: to the innermost one that they are below. */
export function countByPrefix(
  keys: Iterable<string>,
  prefixes: readonly string[],
): ReadonlyMap<string, number> {
  const innermostFirst = prefixes.toSorted((a, b) => b.length - a.length);
  const counts = new Map<string, number>();
  for (const key of keys) {
    const prefix = innermostFirst.find((one) => isBelow(key, one));
    if (prefix !== undefined) counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
  }
  return counts;
}
