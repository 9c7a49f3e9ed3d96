import type { ObjectStore } from '@slipway/core';
import { type Finding, finding } from './findings.ts';
import { type IndexPointer, type KeptPointer, readKeptPointer } from './index-pointer.ts';
import type { SignaturePolicy } from './signature-policy.ts';

export interface Expectation {
  readonly store: ObjectStore;
  /** SHA-256 of the index that must be, or must have been, the present one; undefined: any. */
  readonly expected: string | undefined;
  readonly pointer: IndexPointer;
  readonly history: readonly KeptPointer[];
  readonly policy: SignaturePolicy;
  /** What an unsigned kept pointer says does not count. */
  readonly mustBeSigned: boolean;
}

/** What was published must be what is served: the expected index itself, or one of its successors. */
export async function expectationFindings(expectation: Expectation): Promise<readonly Finding[]> {
  const { store, expected, pointer, history, policy, mustBeSigned } = expectation;
  if (expected === undefined || pointer.record.checksum === expected) return [];
  const generation = pointer.manifest.lineage?.generation ?? 0;
  for (const { key } of history) {
    if (!key.includes(expected.slice(0, 16))) continue;
    const kept = await readKeptPointer(store, key, policy, []);
    const keptGeneration = kept?.manifest.lineage?.generation;
    const isTrusted = !mustBeSigned || kept?.signedBy !== undefined;
    if (kept?.record.checksum !== expected || keptGeneration === undefined || !isTrusted) continue;
    if (keptGeneration < generation) return [];
  }
  return [
    finding(
      'index-not-expected',
      pointer.key,
      `it points to ${pointer.record.checksum}, and ${expected} or a later index was expected`,
      'Somebody put another index there, or a cache serves an old one.',
    ),
  ];
}
