import { hash as hashOnce } from 'node:crypto';
import { type Clock, type ObjectStore, parseStrictJson } from '@slipway/core';
import type { Signer } from '@slipway/signing';
import { isDagHash, pendingKey, pendingPrefix } from '@slipway/spack-buildcache';
import { writeDocument } from './documents.ts';
import { parsed } from './entry-reader.ts';
import { type Finding, finding } from './findings.ts';
import { readOrFind } from './index-pointer.ts';
import { isFinding, openDocument, type SignaturePolicy } from './signature-policy.ts';

/** A publish that has not moved the index yet is believed to be at work, or to be run again, for so long. */
export const pendingGraceMs = 24 * 3_600_000;
const maxClockDifferenceMs = 3_600_000;
const maxPendingBytes = 16 * 1024 * 1024;

/**
 * A publish announces its entries before it stores the first manifest and takes the note back after the index moved.
 * It is what tells a publish that was killed from an index that hides entries.
 */
export interface PendingPublish {
  readonly publishId: string;
  readonly startedAtMs: number;
  readonly hashes: readonly string[];
  readonly signedBy: string | undefined;
}

/** The same entries always have the same id, so that running a killed publish again takes its own note back. */
export function publishIdOf(hashes: Iterable<string>): string {
  return hashOnce('sha256', [...hashes].sort().join('\n')).slice(0, 32);
}

/** Stores the note, signed if there is a signer. A note of the same entries that is there already is renewed. */
export async function announcePublish(
  store: ObjectStore,
  hashes: readonly string[],
  signer: Signer | undefined,
  clock: Clock,
): Promise<string> {
  const publishId = publishIdOf(hashes);
  // One token a line: gpg cuts long lines.
  const text = JSON.stringify(
    { version: 1, startedAtMs: clock.nowMs(), hashes: [...hashes].sort() },
    null,
    1,
  );
  const bytes = Buffer.from(signer === undefined ? text : await signer.clearSign(text));
  await writeDocument(store, pendingKey(publishId), bytes, { condition: 'any', cache: 'pointer' });
  return publishId;
}

export async function withdrawAnnouncement(store: ObjectStore, publishId: string): Promise<void> {
  await store.delete(pendingKey(publishId));
}

const plantedHint = 'No publish by Slipway leaves such a file. Find out who stored it, and delete it.';

/** The publishes under way in a mirror. A note that cannot be read or has a bad signature is a finding. */
export async function readPendingPublishes(
  store: ObjectStore,
  policy: SignaturePolicy,
  findings: Finding[],
): Promise<readonly PendingPublish[]> {
  const pending: PendingPublish[] = [];
  for await (const { key } of store.list(pendingPrefix)) {
    const stored = await readOrFind(store, key, maxPendingBytes, findings);
    if (stored === undefined) continue;
    const opened = await openDocument(stored.body, key, { keyring: policy.keyring, allowUnsigned: true });
    if (isFinding(opened)) {
      findings.push({ ...opened, hint: opened.hint ?? plantedHint });
      continue;
    }
    const problems: Finding[] = [];
    const read = parsed(key, 'pending-malformed', problems, () => parsePending(opened.text));
    if (read === undefined) {
      const why = problems[0] === undefined ? '' : `: ${problems[0].message}`;
      findings.push(finding('pending-malformed', key, `it is not the note of a publish${why}`, plantedHint));
      continue;
    }
    pending.push({ ...read, publishId: publishIdOf(read.hashes), signedBy: opened.signedBy });
  }
  return pending;
}

function parsePending(
  text: string,
): { readonly startedAtMs: number; readonly hashes: readonly string[] } | undefined {
  const document = parseStrictJson(text, 8);
  if (typeof document !== 'object' || document === null) return undefined;
  const startedAtMs: unknown = Reflect.get(document, 'startedAtMs');
  const hashes: unknown = Reflect.get(document, 'hashes');
  if (typeof startedAtMs !== 'number' || !Array.isArray(hashes)) return undefined;
  const texts = hashes.filter((hash): hash is string => typeof hash === 'string' && isDagHash(hash));
  return texts.length === hashes.length ? { startedAtMs, hashes: texts } : undefined;
}

/**
 * The hashes that publishes under way excuse from being indexed. A note counts for a day; and where the index is signed,
 * only a signed note counts, or else anybody who can write could excuse hiding.
 */
export function excusedHashes(
  pending: readonly PendingPublish[],
  options: { readonly nowMs: number; readonly requireSigned: boolean },
): Set<string> {
  const excused = new Set<string>();
  for (const publish of pending) {
    const ageMs = options.nowMs - publish.startedAtMs;
    if (ageMs > pendingGraceMs || ageMs < -maxClockDifferenceMs) continue;
    if (options.requireSigned && publish.signedBy === undefined) continue;
    for (const hash of publish.hashes) excused.add(hash);
  }
  return excused;
}
