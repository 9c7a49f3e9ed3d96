import type { FileFacts, HashOrigin, SourceFile } from '@slipway/simple-index';

const rowsInBlock = 2 ** 14;
const hashBytes = 32;
const origins: readonly (HashOrigin | null)[] = [null, 'checksum', 'metadata', 'computed', 'none'];

/** Numbers and hashes of some rows. Hashes of files come first, those of METADATA after them. */
interface Block {
  readonly uploadedAtMs: Float64Array;
  readonly hashes: Uint8Array;
  readonly origins: Uint8Array;
  /** Which hashes are known: 1 that of the file, 2 that of METADATA. */
  readonly known: Uint8Array;
}

/** Facts about files by key, in a quarter of the memory that objects and texts of them would take. */
export class FactTable {
  readonly #rows = new Map<string, number>();
  readonly #sources: SourceFile[] = [];
  readonly #blocks: Block[] = [];
  readonly #metadataEtags: (string | undefined)[] = [];
  readonly #requirements: (string | null)[] = [];
  /** Most files share a few of them. */
  readonly #texts = new Map<string, string>();

  /** Adds facts about an object as it was listed, or replaces those about the same key. */
  set(source: SourceFile, facts: FileFacts): void {
    const row = this.#rows.get(source.key) ?? this.#sources.length;
    this.#rows.set(source.key, row);
    this.#sources[row] = source;
    const { block, at } = this.#place(row);
    block.uploadedAtMs[at] = facts.uploadedAtMs;
    block.origins[at] = origins.indexOf(facts.hashOrigin);
    const { sha256, metadata } = facts;
    block.known[at] = (sha256 === null ? 0 : 1) + (metadata?.sha256 == null ? 0 : 2);
    if (sha256 !== null) writeHash(block, at, sha256);
    if (metadata?.sha256 != null) writeHash(block, rowsInBlock + at, metadata.sha256);
    this.#metadataEtags[row] = metadata?.etag;
    this.#requirements[row] = this.#shared(metadata?.requiresPython ?? null);
  }

  get(key: string): FileFacts | undefined {
    const row = this.#rows.get(key);
    const source = row === undefined ? undefined : this.#sources[row];
    if (row === undefined || source === undefined) return undefined;
    const { block, at } = this.#place(row);
    const known = block.known[at] ?? 0;
    const metadataEtag = this.#metadataEtags[row];
    return {
      etag: source.etag,
      sizeBytes: source.sizeBytes,
      modifiedAtMs: source.modifiedAtMs,
      uploadedAtMs: block.uploadedAtMs[at] ?? 0,
      sha256: (known & 1) === 0 ? null : readHash(block, at),
      hashOrigin: origins[block.origins[at] ?? 0] ?? null,
      metadata:
        metadataEtag === undefined
          ? null
          : {
              etag: metadataEtag,
              sha256: (known & 2) === 0 ? null : readHash(block, rowsInBlock + at),
              requiresPython: this.#requirements[row] ?? null,
            },
    };
  }

  #place(row: number): { readonly block: Block; readonly at: number } {
    const index = Math.floor(row / rowsInBlock);
    let block = this.#blocks[index];
    if (block === undefined) {
      block = {
        uploadedAtMs: new Float64Array(rowsInBlock),
        hashes: new Uint8Array(2 * rowsInBlock * hashBytes),
        origins: new Uint8Array(rowsInBlock),
        known: new Uint8Array(rowsInBlock),
      };
      this.#blocks[index] = block;
    }
    return { block, at: row % rowsInBlock };
  }

  #shared(text: string | null): string | null {
    if (text === null) return null;
    const known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, text);
    return known ?? text;
  }
}

function writeHash({ hashes }: Block, at: number, sha256: string): void {
  Buffer.from(hashes.buffer, at * hashBytes, hashBytes).write(sha256, 'hex');
}

function readHash({ hashes }: Block, at: number): string {
  return Buffer.from(hashes.buffer, at * hashBytes, hashBytes).toString('hex');
}
