import type { ObjectStore } from '@slipway/core';
import { type Finding, finding } from './findings.ts';
import { isWhatItsNameSays } from './index-history.ts';
import { type IndexPointer, listHistory, readKeptPointer } from './index-pointer.ts';
import type { SignaturePolicy } from './signature-policy.ts';

/** At most this many kept pointers to the expected index are read; more than a few were planted. */
const maxCandidates = 20;

export interface Expectation {
  readonly store: ObjectStore;
  /** SHA-256 that the present index must have, or must have had before it moved on; undefined accepts any. */
  readonly expected: string | undefined;
  readonly pointer: IndexPointer;
  readonly policy: SignaturePolicy;
  /** Unsigned kept pointers do not count. */
  readonly mustBeSigned: boolean;
}

/** Checks that what is served is what was published: the expected index or one of its successors. */
export async function expectationFindings(expectation: Expectation): Promise<readonly Finding[]> {
  const { store, expected, pointer, policy, mustBeSigned } = expectation;
  if (expected === undefined || pointer.record.checksum === expected) return [];
  const { lineage } = pointer.manifest;
  const generation = lineage?.generation ?? 0;
  const history = store.listable ? await listHistory(store, undefined) : [];
  const candidates = history.filter(
    (kept) =>
      kept.key.includes(expected.slice(0, 16)) &&
      kept.generation < generation &&
      (kept.isSigned || !mustBeSigned),
  );
  for (const kept of candidates.slice(-maxCandidates)) {
    const earlier = await readKeptPointer(store, kept.key, policy, []);
    if (earlier === undefined || !isWhatItsNameSays(kept, earlier)) continue;
    if (earlier.record.checksum !== expected || earlier.manifest.lineage?.mirror !== lineage?.mirror)
      continue;
    return [];
  }
  return [
    finding(
      'index-not-expected',
      pointer.key,
      `it points to ${pointer.record.checksum}, but ${expected} or a later index was expected`,
      'Somebody put another index there, or a cache serves an old one.',
    ),
  ];
}
