/** An object in the store that holds the files, as a listing shows it. */
export interface SourceFile {
  /** Relative to the source's URL, such as `whl/cu118/torch-2.9.0%2Bcu118-cp313-cp313-linux_x86_64.whl`; not encoded. */
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
  /** When the store last wrote the object, in milliseconds since 1970. Moves when the object is copied. */
  readonly modifiedAtMs: number;
}

/** The METADATA file beside a distribution (PEP 658 and 714). */
export interface CoreMetadata {
  /** Of the METADATA file, 64 hexadecimal digits in lower case; undefined if nobody computed it. */
  readonly sha256?: string | undefined;
  /** Its `Requires-Python`, as written. */
  readonly requiresPython?: string | undefined;
}

/** A distribution with everything that a page says about it. */
export interface IndexedFile extends Omit<SourceFile, 'sizeBytes'> {
  /** Undefined if the page of another index does not say it. */
  readonly sizeBytes: number | undefined;
  /** The last segment of the key. */
  readonly fileName: string;
  /** Normalised (PEP 503). */
  readonly project: string;
  /** As the file name has it; PEP 440 may call it otherwise, or not know it. */
  readonly version: string;
  /**
   * When these bytes were first seen, in milliseconds since 1970. Does not move when the object is copied. Undefined if the page of another
   * index does not say it.
   */
  readonly uploadedAtMs: number | undefined;
  /** Of the whole file, 64 hexadecimal digits in lower case. */
  readonly sha256?: string | undefined;
  /** Present if a METADATA file lies beside the file, as `<file>.metadata`. */
  readonly metadata?: CoreMetadata | undefined;
  /** What is said instead of the `Requires-Python` in its METADATA. */
  readonly requiresPython?: string | undefined;
  /** Why the file is yanked (PEP 592); empty if no reason is known, undefined if it is not yanked. */
  readonly yanked?: string | undefined;
  /** Where a file of an external project is; files of the source have none. */
  readonly url?: string | undefined;
}

/** Whether a project may be used (PEP 792). */
export interface ProjectStatus {
  readonly status: 'active' | 'archived' | 'quarantined' | 'deprecated';
  readonly reason?: string | undefined;
}

/**
 * Which SHA-256 sums a page has. `available` and `required`: those that are known (a plan refuses files without one where they
 * are required). `all-or-none`: those of versions where every file has one, because uv exports a lock file with only some of
 * them otherwise. `omit`: none.
 */
export type HashPolicy = 'required' | 'available' | 'all-or-none' | 'omit';

/** How pages name files. */
export type LinkStyle =
  /** Climbing from the page, `../torch-….whl`: right below any path, and in `file://`. */
  | { readonly kind: 'relative' }
  /** Below a URL that stands for the source, such as `https://download.example.org`; empty for the root of the page's host. */
  | { readonly kind: 'absolute'; readonly baseUrl: string };

/** The files of one project in one directory of the index. */
export interface ProjectPage {
  /** Normalised. */
  readonly project: string;
  /** The directory of the page without a slash at its end, such as `whl/cu118/torch`: keys like those of the source. */
  readonly directory: string;
  /** In any order. */
  readonly files: readonly IndexedFile[];
  readonly links: LinkStyle;
  readonly hashes: HashPolicy;
  readonly status?: ProjectStatus | undefined;
}

/** The projects of one directory of the index. */
export interface RootPage {
  /** Normalised names, in any order. */
  readonly projects: readonly string[];
}

/** A flat list of files, such as those of libtorch. Not part of the simple repository API: browsers and scripts read it. */
export interface ListingPage {
  /** The directory of the page without a slash at its end. */
  readonly directory: string;
  readonly files: readonly Pick<SourceFile, 'key'>[];
  readonly links: LinkStyle;
}
