import { createHash } from 'node:crypto';
import {
  isConditionFailed,
  JsonError,
  type ObjectStore,
  type ProgressPort,
  parseStrictJson,
  printable,
} from '@slipway/core';
import { parseTime, type Refusal, refusal } from '@slipway/dispatch-payload';
import { type ClaimRecord, type ClaimStep, claimPrefix } from './plan.ts';

const maxRecordBytes = 16 * 1024;
const maxAttempts = 5;
const maxForgottenReads = 200;

/**
 * Claims the id of a message for a run, by a write that succeeds only where nobody wrote before. Gives the refusal when another
 * run has it; the run that has it may claim it again, so that a run that was killed is not locked out. With `again` a claim of
 * another run gives way, because a person wants it so.
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
      // Forgotten just now: it is free again.
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

/** The refusal that a claim would end with now. */
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
      ? 'what remembers it cannot be read'
      : `${printable(present.claimedBy)} took it on ${printable(present.claimedAt, 40)}`;
  return refusal(
    'replayed',
    `the message ${record.id} was taken before: ${by}`,
    'The same message came twice, and one run acts on it. To have it done once more, send a new one with another "id", or give this one to a run by hand with "again".',
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
 * Removes the claims of a repository whose time is over, the names of all printed first. What cannot be removed stays: a later
 * run will.
 */
export async function forgetOld(
  store: ObjectStore,
  audience: string,
  {
    nowMs,
    rememberMs,
    progress,
  }: { readonly nowMs: number; readonly rememberMs: number; readonly progress: ProgressPort },
): Promise<void> {
  const old: string[] = [];
  let reads = 0;
  for await (const { key, modifiedAtMs } of store.list(claimPrefix(audience))) {
    if (!/\/[0-9a-f]{64}\.json$/.test(key)) continue;
    if (modifiedAtMs !== undefined && modifiedAtMs > nowMs - rememberMs) continue;
    if (reads === maxForgottenReads) break;
    reads += 1;
    const present = await readClaim(store, key);
    if (present === undefined || present === 'unreadable') continue;
    const forgetAtMs = parseTime(present.forgetAt);
    if (forgetAtMs === undefined || forgetAtMs > nowMs) continue;
    progress.info(
      `Forgetting the message ${printable(present.id, 80)}, remembered until ${present.forgetAt}.`,
    );
    old.push(key);
  }
  for (const key of old) await store.delete(key);
}
