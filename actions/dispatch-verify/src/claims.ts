import { createHash } from 'node:crypto';
import { isConditionFailed, JsonError, type ObjectStore, parseStrictJson, printable } from '@slipway/core';
import { parseTime, type Refusal, refusal } from '@slipway/dispatch-payload';
import { type ClaimRecord, type ClaimStep, claimPrefix, type ExpiredClaim } from './plan.ts';

const maxRecordBytes = 16 * 1024;
const maxAttempts = 5;
const maxReadsForForgetting = 200;

/**
 * Claims the id of a message for a run, by a write that succeeds only if there is no claim yet. Returns the refusal if another run
 * has claimed it. A run may claim the same id twice, so that a killed run can be started again. `again` replaces the claim of
 * another run, because a person asked for it.
 */
export async function claim(
  store: ObjectStore,
  { key, record, again }: ClaimStep,
): Promise<Refusal | undefined> {
  const bytes = Buffer.from(`${JSON.stringify(record)}\n`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  for (let attempt = 1; ; attempt += 1) {
    try {
      await store.write(
        key,
        { kind: 'bytes', bytes },
        { condition: 'absent', contentType: 'application/json', cache: 'pointer', sha256 },
      );
      return undefined;
    } catch (error) {
      if (!isConditionFailed(error)) throw error;
      const present = await readClaim(store, key);
      // Another run has just deleted it.
      if (present === undefined && attempt < maxAttempts) continue;
      if (!again) return judgeClaim(present ?? 'unreadable', record);
      await store.write(
        key,
        { kind: 'bytes', bytes },
        { condition: 'any', contentType: 'application/json', cache: 'pointer', sha256 },
      );
      return undefined;
    }
  }
}

/** The refusal that a claim would get now; undefined if it would succeed. */
export async function wouldRefuse(
  store: ObjectStore,
  { key, record, again }: ClaimStep,
): Promise<Refusal | undefined> {
  if (again) return undefined;
  const present = await readClaim(store, key);
  return present === undefined ? undefined : judgeClaim(present, record);
}

function judgeClaim(present: ClaimRecord | 'unreadable', record: ClaimRecord): Refusal | undefined {
  if (present !== 'unreadable' && present.claimedBy === record.claimedBy) return undefined;
  const by =
    present === 'unreadable'
      ? 'the record of that cannot be read'
      : `${printable(present.claimedBy)} claimed it on ${printable(present.claimedAt, 40)}`;
  return refusal(
    'replayed',
    `the message ${record.id} was already claimed: ${by}`,
    'The same message came twice, and only one run may act on it. To act on it once more, send a new message with another "id", or pass this one to a manual run with "again".',
  );
}

async function readClaim(store: ObjectStore, key: string): Promise<ClaimRecord | 'unreadable' | undefined> {
  const stored = await store.read(key, { maxBytes: maxRecordBytes });
  return stored === undefined ? undefined : (parseClaim(stored.body) ?? 'unreadable');
}

function parseClaim(bytes: Uint8Array): ClaimRecord | undefined {
  let value: unknown;
  try {
    value = parseStrictJson(bytes);
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, event, source, claimedBy, claimedAt, forgetAt } = value as Readonly<Record<string, unknown>>;
  if (typeof id !== 'string' || typeof event !== 'string' || typeof claimedBy !== 'string') return undefined;
  if (typeof claimedAt !== 'string' || typeof forgetAt !== 'string') return undefined;
  return {
    id,
    event,
    source: typeof source === 'string' ? source : undefined,
    claimedBy,
    claimedAt,
    forgetAt,
  };
}

/**
 * The expired claims of a repository, at most as many as one run deletes, without claims that cannot be read. Throws what the store
 * throws.
 */
export async function findExpiredClaims(
  store: ObjectStore,
  audience: string,
  { nowMs, rememberMs }: { readonly nowMs: number; readonly rememberMs: number },
): Promise<readonly ExpiredClaim[]> {
  const expired: ExpiredClaim[] = [];
  let reads = 0;
  for await (const { key, modifiedAtMs } of store.list(claimPrefix(audience))) {
    if (!/\/[0-9a-f]{64}\.json$/.test(key)) continue;
    if (modifiedAtMs !== undefined && modifiedAtMs > nowMs - rememberMs) continue;
    if (reads === maxReadsForForgetting) break;
    reads += 1;
    const present = await readClaim(store, key);
    if (present === undefined || present === 'unreadable') continue;
    const { id, forgetAt } = present;
    const forgetAtMs = parseTime(forgetAt);
    if (forgetAtMs !== undefined && forgetAtMs <= nowMs) expired.push({ key, id, forgetAt });
  }
  return expired;
}
