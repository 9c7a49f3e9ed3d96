import { mapConcurrently, type ObjectStore } from '@slipway/core';
import {
  decodePrefix,
  type IndexConfiguration,
  type IndexFinding,
  indexFinding,
  mayBePage,
  type PrefixState,
  prefixKey,
} from '@slipway/simple-index';
import { withoutNested } from './source-listing.ts';
import { type KnownDocument, readDocument } from './state-files.ts';

/** A page is never larger: some 200,000 files. */
export const maxPageBytes = 2 ** 27;

/** A store that gets pages. */
export interface IndexDestination {
  readonly store: ObjectStore;
  /** Its index in the configuration; undefined if the source gets the pages. */
  readonly index: number | undefined;
  /** Whether it is the store that has the files, so that their listing has its pages. */
  readonly isSource: boolean;
}

/** What a destination has, as far as it was known before the files were listed. */
export interface DestinationState {
  /** By the directory of the prefix's pages. */
  readonly documents: ReadonlyMap<string, KnownDocument<PrefixState>>;
  readonly states: ReadonlyMap<string, PrefixState>;
  /** ETags of objects that may be pages, where they were listed before the files; undefined if they were not. */
  readonly pages: ReadonlyMap<string, string> | undefined;
  readonly findings: readonly IndexFinding[];
}

export interface DestinationOptions {
  readonly concurrency: number;
  /** List pages even if every prefix has its document: somebody else has written some. */
  readonly isDoubtful: boolean;
}

/**
 * Reads what a destination remembers. Where it remembers nothing of a prefix, its pages are listed, so that those that are there
 * are taken over. Throws what the store throws.
 */
export async function readDestination(
  { store, isSource }: IndexDestination,
  { prefixes }: IndexConfiguration,
  { concurrency, isDoubtful }: DestinationOptions,
): Promise<DestinationState> {
  const documents = new Map<string, KnownDocument<PrefixState>>();
  const states = new Map<string, PrefixState>();
  const findings: IndexFinding[] = [];
  const read = await mapConcurrently(prefixes, concurrency, async ({ pages }) => ({
    pages,
    document: await readDocument(store, prefixKey(pages), { decode: decodePrefix }),
  }));
  for (const { pages, document } of read) {
    documents.set(pages, document);
    if (document.state !== undefined) states.set(pages, document.state);
    if (document.damage !== undefined) {
      findings.push(indexFinding('state-damaged', `it is rebuilt: ${document.damage}`, document.key));
    }
  }
  const isListed = isLocal(store) || (!isSource && (isDoubtful || states.size < prefixes.length));
  const directories = prefixes.map(({ pages }) => pages);
  return { documents, states, pages: isListed ? await listPages(store, directories) : undefined, findings };
}

/** Whether the listing of a store has no ETags. */
function isLocal(store: ObjectStore): boolean {
  return store.fileSource !== undefined;
}

async function listPages(
  store: ObjectStore,
  directories: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const pages = new Map<string, string>();
  for (const directory of withoutNested(directories)) {
    for await (const { key, etag } of store.list(directory === '' ? '' : `${directory}/`)) {
      if (!mayBePage(key)) continue;
      const known = etag ?? (await store.read(key, { maxBytes: maxPageBytes }))?.info.etag;
      if (known !== undefined) pages.set(key, known);
    }
  }
  return pages;
}

/** The ETag that an object has now; undefined if it is not there. Throws what the store throws. */
export async function currentEtag(store: ObjectStore, key: string): Promise<string | undefined> {
  const info = await store.head(key);
  if (info === undefined || info.etag !== undefined) return info?.etag;
  return (await store.read(key, { maxBytes: maxPageBytes }))?.info.etag;
}
