import type { ProjectStatus } from './files.ts';
import type { IndexFinding } from './findings.ts';

/** A page as a server or a store gave it. */
export interface PageSource {
  /** Where it came from; relative links start here, so the URL of a project ends in a slash. */
  readonly url: string;
  readonly format: 'html' | 'json';
  readonly bytes: Uint8Array;
}

export interface PageLimits {
  /** Of the page as it was read, unpacked. */
  readonly maxBytes: number;
  /** Files of a project, or projects of a root. */
  readonly maxEntries: number;
}

export const pageLimits: PageLimits = { maxBytes: 128 * 2 ** 20, maxEntries: 200_000 };

/** A file as pip and uv find it on a page. */
export interface ReadFile {
  /** In JSON its `filename`, in HTML the last segment of its URL, which is the name that clients use. */
  readonly fileName: string;
  /** Absolute, without a fragment. */
  readonly url: string;
  /** Hexadecimal digits in lower case by the name of the hash function in lower case. */
  readonly hashes: ReadonlyMap<string, string>;
  readonly requiresPython?: string | undefined;
  /** The hashes of the METADATA file, none if the page only says that the file is there; undefined if it does not say so. */
  readonly metadataHashes?: ReadonlyMap<string, string> | undefined;
  /** The reason, empty if the page gives none; undefined if the file is not yanked. */
  readonly yanked?: string | undefined;
  readonly sizeBytes?: number | undefined;
  /** In milliseconds since 1970; fractions of a millisecond are cut off. */
  readonly uploadedAtMs?: number | undefined;
}

/** The page of a project in either format. */
export interface ReadProjectPage {
  /** `1.0` if the page does not say. */
  readonly apiVersion: string;
  /** Only JSON has it. */
  readonly name?: string | undefined;
  readonly status?: ProjectStatus | undefined;
  /** Only JSON has it. */
  readonly versions?: readonly string[] | undefined;
  readonly files: readonly ReadFile[];
}

/** The page that lists projects, in either format. */
export interface ReadRootPage {
  readonly apiVersion: string;
  /** As the page writes them, in its order. */
  readonly projects: readonly string[];
}

export interface PageReading<Page> {
  /** Undefined if clients cannot use the page, or must not; findings say why. */
  readonly page: Page | undefined;
  /** At most 1,000 of each code. */
  readonly findings: readonly IndexFinding[];
}

/** Ends the reading of a page that is of no use. */
export class UnreadablePage extends Error {
  override readonly name = 'UnreadablePage';
}
