import { hash as hashOnce } from 'node:crypto';
import { type Clock, type ObjectStore, parseStrictJson } from '@slipway/core';
import type { Signer } from '@slipway/signing';
import { isDagHash, pendingKey, pendingPrefix } from '@slipway/spack-buildcache';
import { writeDocument } from './documents.ts';
import { parsed } from './entry-findings.ts';
import { type Finding, finding } from './findings.ts';
import { readOrFind } from './index-pointer.ts';
import { isFinding, openDocument, type SignaturePolicy } from './signature-policy.ts';

/** How long an unfinished publish is presumed to be running or about to be run again. */
export const pendingGraceMs = 24 * 3_600_000;
const maxClockDifferenceMs = 3_600_000;
const maxPendingBytes = 16 * 1024 * 1024;

/**
 * A publish stores this note before its first manifest and removes it after the index has moved. It tells an
 * interrupted publish from an index that hides entries.
 */
export interface PendingPublish {
  readonly publishId: string;
  readonly startedAtMs: number;
  readonly hashes: readonly string[];
  readonly signedBy: string | undefined;
}

/** The id depends only on the entries, so running an interrupted publish again removes its note. */
export function publishIdOf(hashes: Iterable<string>): string {
  return hashOnce('sha256', [...hashes].sort().join('\n')).slice(0, 32);
}

/** Stores the note, signed if there is a signer. Replaces a note of the same entries. */
export async function announcePublish(
  store: ObjectStore,
  hashes: readonly string[],
  signer: Signer | undefined,
  clock: Clock,
): Promise<string> {
  const publishId = publishIdOf(hashes);
  // One token per line: gpg cuts long lines.
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

/** The publishes in progress in a mirror. An unreadable or badly signed note is a finding. */
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
 * Hashes that need not be indexed yet because a publish is in progress. A note counts for a day. If the index is
 * signed, only signed notes count; otherwise anyone who can write could excuse hiding an entry.
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
