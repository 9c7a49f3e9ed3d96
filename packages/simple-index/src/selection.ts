import type { IndexConfiguration, PrefixConfiguration } from './configuration.ts';
import type { SourceFile } from './files.ts';
import type { FindingList } from './findings.ts';

/** A file that belongs to a project of a prefix, or to a listing. */
export interface SelectedFile {
  readonly source: SourceFile;
  /** Normalised; empty in a listing. */
  readonly project: string;
  /** As in the file name; empty in a listing. */
  readonly version: string;
  /** The directory that it lies in, as an index into those of the prefix. */
  readonly directory: number;
}

/** A directory with pages. */
export interface SelectedDirectory {
  /** Below the prefix; empty for the prefix itself. */
  readonly path: string;
  /** Where its pages are: keys, without a slash at the end. */
  readonly pages: string;
  /** Whether it has pages. The prefix itself may have none, although it has files for those of its subdirectories. */
  readonly hasPages: boolean;
  /** Whether a file lies in it, whether or not a page shows it. */
  readonly hasFiles: boolean;
  /** Directories whose files its pages show, as indexes: itself, those below it, and the prefix itself unless this is a listing. */
  readonly shows: readonly number[];
}

/** The files of one project in a prefix, or of a listing. */
export interface SelectedProject {
  /** Normalised; empty for a listing. */
  readonly project: string;
  /** Files that pages show, in no particular order. */
  readonly files: readonly SelectedFile[];
  /** Files of versions that `keep` leaves out. They are remembered, because a later version may be deleted. */
  readonly hidden: readonly SelectedFile[];
  /** Indexes of directories where its page would be that of a directory: it has none there. */
  readonly collisions: ReadonlySet<number>;
}

/** What belongs to a prefix or a view. */
export interface SelectedPrefix {
  readonly configuration: PrefixConfiguration;
  /** In the order of their paths, so that the prefix itself comes first. */
  readonly directories: readonly SelectedDirectory[];
  /** By normalised name, in order. A listing has one with an empty name. */
  readonly projects: ReadonlyMap<string, SelectedProject>;
}

/** Which files belong to which pages. */
export interface Selection {
  readonly configuration: IndexConfiguration;
  /** In the order of the configuration's. */
  readonly prefixes: readonly SelectedPrefix[];
  /** METADATA files by the key of the distribution that they lie beside. */
  readonly metadata: ReadonlyMap<string, { readonly etag: string; readonly sizeBytes: number }>;
  /** Keys and names that are refused, and those that clients do not see. */
  readonly findings: FindingList;
  /** How many objects were looked at. */
  readonly objects: number;
}

/**
 * The files that the page of a project in each directory shows. Directories without files of the project have no page.
 * A file that lies in the prefix itself is on the pages of all its directories, and the prefix itself shows those of all.
 */
export function projectPages(
  prefix: Pick<SelectedPrefix, 'directories'>,
  project: Pick<SelectedProject, 'files' | 'collisions'>,
): ReadonlyMap<number, readonly SelectedFile[]> {
  const byDirectory = Map.groupBy(project.files, ({ directory }) => directory);
  const pages = new Map<number, readonly SelectedFile[]>();
  for (const [index, { hasPages, shows }] of prefix.directories.entries()) {
    if (!hasPages || project.collisions.has(index)) continue;
    const files =
      shows.length === prefix.directories.length
        ? project.files
        : shows.flatMap((directory) => byDirectory.get(directory) ?? []);
    if (files.length > 0) pages.set(index, files);
  }
  return pages;
}

/** The last segment of a key. */
export function fileNameOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}
