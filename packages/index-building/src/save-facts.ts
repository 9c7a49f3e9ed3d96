import { type Clock, mapConcurrently, type ObjectStore } from '@slipway/core';
import { decodeSplits, encodeSplits, type FileFacts, fileNameOf, parseFileName } from '@slipway/simple-index';
import { projectsByShard } from './facts.ts';
import type { Observation } from './observe.ts';
import { changeDocument } from './state-files.ts';

const splitsFormat = { decode: decodeSplits, encode: encodeSplits };

/**
 * Saves what a look found out about files, and where the next listing is to be split. Returns how many documents were written;
 * none if nothing is new. Throws what the store throws.
 */
export async function saveFacts(
  memory: ObjectStore,
  clock: Clock,
  observation: Observation,
  concurrency: number,
): Promise<number> {
  const { shards, selection, listing, splits } = observation;
  const byShard = projectsByShard(selection);
  let written = 0;
  await mapConcurrently(new Set([...shards.loaded(), ...byShard.keys()]), concurrency, async (shard) => {
    const facts = shardAfter(shard, byShard.get(shard) ?? [], observation);
    if (await shards.save(shard, clock, facts)) written += 1;
  });
  const next = listing?.splits;
  if (next !== undefined && splits !== undefined) {
    if (await changeDocument(memory, clock, splits, splitsFormat, () => next)) written += 1;
  }
  return written;
}

/** What a shard says after a look: what it said of files that were not looked at, and what is known of the others. */
function shardAfter(
  shard: string,
  projects: readonly {
    readonly prefix: Observation['selection']['prefixes'][number];
    readonly project: string;
  }[],
  { shards, knowledge, isCovered }: Observation,
): ReadonlyMap<string, FileFacts> {
  const after = new Map<string, FileFacts>();
  for (const [key, facts] of shards.facts(shard)) {
    const name = parseFileName(fileNameOf(key));
    if (!isCovered(key, name.kind === 'refused' ? '' : name.project)) after.set(key, facts);
  }
  for (const { prefix, project } of projects) {
    const { files = [], hidden = [] } = prefix.projects.get(project) ?? {};
    for (const { source } of [...files, ...hidden]) {
      const facts = knowledge.facts.get(source.key) ?? knowledge.partial.get(source.key);
      if (facts !== undefined) after.set(source.key, facts);
    }
  }
  return after;
}
