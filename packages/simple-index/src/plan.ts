import type { PageFormat } from './configuration.ts';
import type { IndexedFile, ProjectStatus } from './files.ts';
import type { IndexFinding, IndexFindingCode } from './findings.ts';
import type { Selection } from './selection.ts';
import type { FileFacts, PrefixState } from './state.ts';

/** Which page, so that its bytes can be made again when it is written: a million files are not kept as pages. */
export interface PageTarget {
  /** Index of the prefix or view in the configuration. */
  readonly prefix: number;
  /** Index of the directory among those of the prefix. */
  readonly directory: number;
  readonly kind: 'project' | 'root' | 'listing';
  /** Normalised; of a project page. */
  readonly project?: string | undefined;
  readonly format: PageFormat;
}

/** `absent`: written if nothing is there. `{etag}`: only over this object. Whoever else wrote meanwhile looked later. */
export type PageCondition = 'absent' | { readonly etag: string };

interface PageWrite {
  readonly key: string;
  /** Before compression. */
  readonly sizeBytes: number;
  /** Before compression, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly contentType: string;
  /** Whether it is stored as `Content-Encoding: gzip`. */
  readonly gzip: boolean;
  readonly cacheControl: string;
  readonly condition: PageCondition;
  readonly reason: string;
}

/** One change of the destination, as JSON. */
export type PlanStep =
  | (PageWrite & { readonly kind: 'write-page'; readonly page: PageTarget })
  /** The page `from` of the source, as it is under `fromEtag`. */
  | (PageWrite & { readonly kind: 'copy-page'; readonly from: string; readonly fromEtag: string })
  | { readonly kind: 'delete-page'; readonly key: string; readonly etag: string; readonly reason: string }
  /** The document of the prefix with these pages, when all the other steps are done. */
  | { readonly kind: 'write-state'; readonly key: string; readonly prefix: string; readonly reason: string };

/** What a run is to do in one destination. */
export interface IndexPlan {
  /** Pages of projects, then those that list them, deletions, and state: an index never names what is not there yet. */
  readonly steps: readonly PlanStep[];
  /** Pages that are right as they are. */
  readonly unchanged: number;
  /** What the documents of prefixes say once all steps are done; the ETags of pages that are written are not known yet. */
  readonly states: ReadonlyMap<string, PrefixState>;
  /** At most 1,000 of each code. */
  readonly findings: readonly IndexFinding[];
  /** How many findings there are of each code. */
  readonly findingCounts: ReadonlyMap<IndexFindingCode, number>;
}

/** A project whose files are on another index. */
export interface ExternalProject {
  /** Each with a `url`. */
  readonly files: readonly IndexedFile[];
  readonly status?: ProjectStatus | undefined;
}

/** A page of the source that may be copied. */
export interface CopiedPage {
  readonly etag: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Whether it has links that are not absolute, and would lead elsewhere from another directory. */
  readonly isRelative: boolean;
}

/** What a destination has, as far as it is known before the run. */
export interface KnownDestination {
  /**
   * ETags of objects that may be pages (`mayBePage`), as listed; undefined if there was no listing, so that only pages of the state
   * are known.
   */
  readonly pages: ReadonlyMap<string, string> | undefined;
  /** Documents of prefixes by the directory of their pages. Those that are missing or damaged are not there. */
  readonly states: ReadonlyMap<string, PrefixState>;
}

/** Everything that pages are made of. */
export interface PageSources {
  readonly selection: Selection;
  /** Index of the destination in the configuration; undefined if the source gets the pages. */
  readonly destination?: number | undefined;
  /** What is known of a file of the selection; undefined if it could not be found out. */
  readonly facts: (key: string) => FileFacts | undefined;
  /** By normalised name. Those that could not be read are not there. */
  readonly external?: ReadonlyMap<string, ExternalProject> | undefined;
}

/** What a plan is made of. */
export interface PlanInput extends PageSources {
  readonly known: KnownDestination;
  /** Pages of the source by key: those that `copiedPageKeys` asks for, and that are there. */
  readonly copied?: ReadonlyMap<string, CopiedPage> | undefined;
  /** The only projects that this run looks at, and whose files are in the selection; all if undefined. */
  readonly scope?: ReadonlySet<string> | undefined;
}

/** Whether an object may be a page, by its key. */
export function mayBePage(key: string): boolean {
  return /(?:^|\/)index\.(?:html|json)$/.test(key) || key.endsWith('/');
}
