import { mapConcurrently, type ObjectStore } from '@slipway/core';
import { type CopiedPage, copiedPageKeys, type Selection, sha256Of } from '@slipway/simple-index';
import { maxPageBytes } from './destinations.ts';

/**
 * Reads the pages of the source that are to be copied, as far as they are there. Throws what the store throws.
 */
export async function readCopiedPages(
  source: ObjectStore,
  selection: Selection,
  isThere: (key: string) => boolean,
  concurrency: number,
): Promise<ReadonlyMap<string, CopiedPage>> {
  const copied = new Map<string, CopiedPage>();
  const keys = [...copiedPageKeys(selection)].filter(isThere).sort();
  await mapConcurrently(keys, concurrency, async (key) => {
    const stored = await source.read(key, { maxBytes: maxPageBytes });
    if (stored === undefined) return;
    copied.set(key, {
      etag: stored.info.etag ?? '',
      sizeBytes: stored.body.length,
      sha256: sha256Of(stored.body),
      isRelative: hasRelativeLinks(new TextDecoder().decode(stored.body)),
    });
  });
  return copied;
}

/** Whether a page has a link that begins neither with a scheme nor with a slash. Unusual spellings count as such. */
export function hasRelativeLinks(html: string): boolean {
  for (const [, target = ''] of html.matchAll(/\bhref\s*=\s*["']?([^"'\s>]*)/gi)) {
    if (!/^(?:https?:\/\/|\/)/i.test(target)) return true;
  }
  return false;
}
