import type { ProgramFormat } from './program-format.ts';

/** A file or text whose bytes go into an archive. */
export type PackSource =
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number }
  | { readonly kind: 'text'; readonly text: string };

/** An entry to write. */
export type ArchiveEntry = { readonly name: string } & (
  | { readonly kind: 'file'; readonly source: PackSource; readonly executable: boolean }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'directory' }
);

/** A written entry. */
export interface WrittenEntry {
  readonly name: string;
  readonly kind: ArchiveEntry['kind'];
  readonly mode: number;
  readonly sizeBytes: number;
  readonly compressedSizeBytes: number;
  readonly crc32: number;
  readonly sha256: string;
  /** The format of the program, if it is one. */
  readonly program: ProgramFormat | undefined;
}

export interface WrittenArchive {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly entries: readonly WrittenEntry[];
}
