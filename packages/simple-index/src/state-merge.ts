import type { FileFacts, MetadataFacts, ShardState } from './state.ts';

/**
 * The facts of two runs that changed a shard at once: `base` is what both began with, `ours` and `theirs` what they made of it. What one
 * of them removed and the other left alone stays removed, because runs for changed keys take a shard for the listing of its
 * projects. Of two facts about one key, those of the later object stay; what is known of the same object is joined.
 */
export function mergeShards(base: ShardState, ours: ShardState, theirs: ShardState): ShardState {
  const merged = new Map<string, FileFacts>();
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    const [one, other] = [ours.get(key), theirs.get(key)];
    const before = base.get(key);
    if (one !== undefined && other !== undefined) merged.set(key, joinFacts(one, other));
    else {
      const facts = one ?? other;
      // Only one has it: the other removed it, unless it is new or changed.
      if (facts !== undefined && before?.etag !== facts.etag) merged.set(key, facts);
    }
  }
  return merged;
}

function joinFacts(one: FileFacts, other: FileFacts): FileFacts {
  const [later, earlier] = isLater(one, other) ? [one, other] : [other, one];
  const isSame = later.etag === earlier.etag && later.sizeBytes === earlier.sizeBytes;
  const isCopy = later.sha256 !== null && later.sha256 === earlier.sha256;
  const hash =
    isSame && later.sha256 === null && (earlier.sha256 !== null || later.hashOrigin === null)
      ? earlier
      : later;
  return {
    ...later,
    uploadedAtMs: isSame || isCopy ? Math.min(later.uploadedAtMs, earlier.uploadedAtMs) : later.uploadedAtMs,
    sha256: hash.sha256,
    hashOrigin: hash.hashOrigin,
    metadata: joinMetadata(later.metadata, earlier.metadata, isSame),
  };
}

function joinMetadata(
  later: MetadataFacts | null,
  earlier: MetadataFacts | null,
  isSame: boolean,
): MetadataFacts | null {
  if (later === null) return isSame ? earlier : null;
  return earlier?.etag === later.etag && later.sha256 === null ? earlier : later;
}

/** Which of two facts about a key is about the later object; does not depend on their order. */
function isLater(one: FileFacts, other: FileFacts): boolean {
  if (one.modifiedAtMs !== other.modifiedAtMs) return one.modifiedAtMs > other.modifiedAtMs;
  return JSON.stringify(one) >= JSON.stringify(other);
}
