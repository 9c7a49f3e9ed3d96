import { type ObjectStore, ownDirectory, UserError } from '@slipway/core';
import { type FileSelector, mayBePage } from '@slipway/simple-index';
import { sourceFile, withoutNested } from './source-listing.ts';

/** Each part of the next listing has about as many pages of 1,000 keys. */
const keysInPart = 5_000;
const sampleEvery = 1_000;
/** A part with more keys makes the next run split the listing anew. */
const maxKeysInPart = 4 * keysInPart;
const reportEvery = 10_000;

/** A page as a listing shows it. */
export interface ListedPage {
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

export interface IndexListing {
  /** Objects that may be pages, by key. */
  readonly pages: ReadonlyMap<string, ListedPage>;
  /** Where the next listing is to be split; undefined if as before. */
  readonly splits: readonly string[] | undefined;
}

export interface IndexListingOptions {
  /** Without slashes at their ends; empty for the whole store. */
  readonly directories: readonly string[];
  /** The splits of an earlier listing. */
  readonly splits: readonly string[];
  readonly maxFiles: number;
  readonly onFiles?: ((count: number) => void) | undefined;
}

/**
 * Lists directories of the source in parallel parts, each object once, and gives every object to `selector`. Throws `UserError`
 * `too-large` for more than `maxFiles`, and what `list` throws.
 */
export async function listIndex(
  store: ObjectStore,
  selector: Pick<FileSelector, 'add'>,
  { directories, splits, maxFiles, onFiles }: IndexListingOptions,
): Promise<IndexListing> {
  const pages = new Map<string, ListedPage>();
  const parts = new Parts(splits);
  let count = 0;
  for (const directory of withoutNested(directories)) {
    const prefix = directory === '' ? '' : `${directory}/`;
    for await (const info of store.list(prefix, { splits })) {
      if (info.key.startsWith(`${ownDirectory}/`)) continue;
      if (count >= maxFiles) {
        throw new UserError('too-large', `The source has more than ${maxFiles} objects to index.`, {
          hint: 'Check the prefixes of the configuration, or raise the limit.',
        });
      }
      count += 1;
      parts.add(info.key);
      const file = sourceFile(info);
      if (mayBePage(file.key)) {
        const { etag, sizeBytes, modifiedAtMs } = file;
        pages.set(file.key, { etag, sizeBytes, modifiedAtMs });
      }
      selector.add(file);
      if (count % reportEvery === 0) onFiles?.(reportEvery);
    }
  }
  onFiles?.(count % reportEvery);
  return { pages, splits: parts.next() };
}

/** Counts the keys of each part, and samples keys for the next splits. */
class Parts {
  readonly #splits: readonly string[];
  readonly #counts: number[];
  readonly #samples: string[] = [];
  #count = 0;

  constructor(splits: readonly string[]) {
    this.#splits = [...splits].sort();
    this.#counts = Array.from({ length: splits.length + 1 }, () => 0);
  }

  add(key: string): void {
    this.#count += 1;
    const part = this.#partOf(key);
    const inPart = (this.#counts[part] ?? 0) + 1;
    this.#counts[part] = inPart;
    // Keys of one part come in order.
    if (inPart % sampleEvery === 0 && /^[ -~]+$/.test(key)) this.#samples.push(key);
  }

  /** New splits if the parts differ much; keys arrive in another order every time, so that splits would as well. */
  next(): readonly string[] | undefined {
    const isFine =
      Math.max(...this.#counts) <= maxKeysInPart && this.#count >= (this.#splits.length * keysInPart) / 4;
    if (isFine) return undefined;
    const every = keysInPart / sampleEvery;
    return this.#samples.sort().filter((_, index) => index % every === every - 1);
  }

  #partOf(key: string): number {
    let [low, high] = [0, this.#splits.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (key <= (this.#splits[middle] ?? '')) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
