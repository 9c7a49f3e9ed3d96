import type { HashPolicy, LinkStyle, ProjectStatus } from './files.ts';

/** A store, as the configuration names it. */
export interface StoreAddress {
  /** `s3://…`, `file:///…`, or `r2:BINDING` in a Worker. */
  readonly url: string;
  readonly endpointUrl?: string | undefined;
  readonly region?: string | undefined;
}

/** Where files are served. `null` is beside the pages; undefined leaves the decision to whoever comes next. */
export interface BaseUrls {
  readonly default: string | null | undefined;
  /** By normalised project name. */
  readonly packages: ReadonlyMap<string, string | null>;
}

/** A store that gets pages. */
export interface DestinationConfiguration extends StoreAddress {
  readonly baseUrls: BaseUrls;
}

export interface SubdirectoryRules {
  /** Whether a directory has pages if a file lies in it; the path begins below the prefix. */
  readonly isMatch: (directory: string) => boolean;
  /** Directories that have pages even while they are empty. */
  readonly names: readonly string[];
}

export interface CopiedPages {
  /** Normalised. */
  readonly names: ReadonlySet<string>;
  /** The directory whose pages, and those of its subdirectories, are copied. The prefix itself if undefined. */
  readonly from: string | undefined;
}

/** Something said about some files: those of a version, or with names that a glob matches. */
export type FileRule = { readonly text: string } & (
  | { readonly kind: 'version'; readonly project: string; readonly version: string }
  | { readonly kind: 'name'; readonly isMatch: (fileName: string) => boolean }
);

export type PageFormat = 'html' | 'json';
export type PageLayout = 'index-files' | 'slash-keys' | 'both';

/** A prefix or a view: files of one directory, and pages in it or in another. */
export interface PrefixConfiguration {
  /** The directory of the pages, without slashes at its ends; empty for the whole store. */
  readonly pages: string;
  /** The directory of the files. The same for a prefix. */
  readonly files: string;
  readonly kind: 'packages' | 'listing';
  readonly subdirectories: SubdirectoryRules;
  /** When the prefix itself has pages. */
  readonly ownPages: 'with-own-files' | 'always' | 'never';
  /** Each with its dot. */
  readonly extensions: readonly string[];
  /** Whether a file may be shown; the path begins below the prefix. */
  readonly isIncluded: (path: string) => boolean;
  /** Normalised names of the only projects that are shown; undefined for all. */
  readonly allowList: ReadonlySet<string> | undefined;
  /** How many versions of each project are shown; undefined for all. */
  readonly keep: number | undefined;
  readonly hashes: HashPolicy;
  readonly links: 'relative' | 'absolute';
  readonly baseUrls: BaseUrls;
  readonly layout: PageLayout;
  readonly formats: readonly PageFormat[];
  /** Whether objects of slash keys are compressed. */
  readonly gzip: boolean;
  readonly cacheControl: string;
  readonly copiedPages: readonly CopiedPages[];
  readonly yanked: readonly (FileRule & { readonly reason: string })[];
  readonly requiresPython: readonly (FileRule & { readonly specifier: string })[];
  /** By normalised project name. */
  readonly status: ReadonlyMap<string, ProjectStatus>;
  /** Everything that pages depend on, as JSON whose keys are in order: pages made by another configuration are known by it. */
  readonly text: string;
}

/** Projects whose files stay on another index. */
export interface ExternalConfiguration {
  /** Normalised. */
  readonly names: readonly string[];
  /** The URL of the index, with a slash at its end. */
  readonly index: string;
  /** Directories of pages; undefined for all. */
  readonly prefixes: readonly string[] | undefined;
  /** Whether files that the other index no longer has stay. */
  readonly retain: boolean;
}

/** What `package-index` is to do: read by `parseConfiguration`. */
export interface IndexConfiguration {
  readonly source: StoreAddress | undefined;
  /** Empty if the source gets the pages. */
  readonly destinations: readonly DestinationConfiguration[];
  /** Prefixes in the order of the file, then views. No two have the same directory of pages. */
  readonly prefixes: readonly PrefixConfiguration[];
  readonly external: readonly ExternalConfiguration[];
}

/** Says nothing about where files are served. */
export const noBaseUrls: BaseUrls = { default: undefined, packages: new Map() };

/** How the pages of a prefix in a destination name the files of a project, or of a listing if there is none. */
export function linkStyle(
  prefix: Pick<PrefixConfiguration, 'baseUrls' | 'links'>,
  destination: Pick<DestinationConfiguration, 'baseUrls'> | undefined,
  project?: string,
): LinkStyle {
  const urls = [prefix.baseUrls, destination?.baseUrls ?? noBaseUrls];
  const found = [
    ...urls.map(({ packages }) => (project === undefined ? undefined : packages.get(project))),
    ...urls.map((one) => one.default),
  ].find((url) => url !== undefined);
  if (typeof found === 'string') return { kind: 'absolute', baseUrl: found };
  return prefix.links === 'relative' ? { kind: 'relative' } : { kind: 'absolute', baseUrl: '' };
}

/** Joins a directory, which may be empty, and a path. */
export function joinKey(directory: string, path: string): string {
  return directory === '' || path === '' ? directory + path : `${directory}/${path}`;
}

/** Whether a key is below a directory; everything is below the empty one. */
export function isBelow(key: string, directory: string): boolean {
  return (
    directory === '' ||
    (key.length > directory.length && key.startsWith(directory) && key[directory.length] === '/')
  );
}
