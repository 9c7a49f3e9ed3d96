import {
  type Clock,
  counted,
  mapConcurrently,
  type ObjectStore,
  type ProgressPort,
  printable,
  sentence,
} from '@slipway/core';
import {
  type CopiedPage,
  changeScope,
  decodeSplits,
  FileSelector,
  type IndexConfiguration,
  type IndexFinding,
  isBelow,
  type Selection,
  type ShardState,
  type SourceFile,
  scopedFiles,
  shardOf,
  splitsKey,
} from '@slipway/simple-index';
import { readCopiedPages } from './copied-pages.ts';
import type { DestinationState, IndexDestination } from './destinations.ts';
import { type FactOptions, type Facts, type FileKnowledge, learnFacts, projectsByShard } from './facts.ts';
import { type IndexListing, listIndex } from './listing.ts';
import { Shards } from './shards.ts';
import { sourceFile, withoutNested } from './source-listing.ts';
import { type KnownDocument, readDocument } from './state-files.ts';

/** Listings in one look, if objects are replaced while they are asked for. */
const maxListings = 3;

export interface ObserveOptions extends Omit<FactOptions, 'onAsked' | 'onDone'> {
  readonly maxFiles: number;
  /** Keys of objects that were written or deleted; undefined to list the source. */
  readonly changedKeys: readonly string[] | undefined;
}

export interface ObserveInput {
  readonly configuration: IndexConfiguration;
  readonly source: ObjectStore;
  /** The destinations that are looked at, with what they remembered before. */
  readonly destinations: ReadonlyMap<IndexDestination, DestinationState>;
  /** The destination that remembers facts about files; undefined if it cannot be read. */
  readonly memory: ObjectStore | undefined;
  /** What an earlier look in the same run found out. */
  readonly earlier: Facts;
  readonly clock: Clock;
  readonly progress: ProgressPort;
}

/** How a run looked at the source. */
export type ObservationMode =
  /** `reason`: why a run for changed keys listed everything. */
  | { readonly kind: 'whole'; readonly reason: string | undefined }
  | { readonly kind: 'changed-keys'; readonly projects: ReadonlySet<string> };

/** What the source has, as far as pages depend on it. */
export interface Observation {
  readonly mode: ObservationMode;
  readonly selection: Selection;
  readonly knowledge: FileKnowledge;
  readonly copied: ReadonlyMap<string, CopiedPage>;
  /** Pages in the source, with splits for the next listing; undefined without a listing. */
  readonly listing: IndexListing | undefined;
  /** When the listing began, by our clock, in milliseconds since 1970. */
  readonly listedAtMs: number;
  readonly shards: Shards;
  readonly splits: KnownDocument<readonly string[]> | undefined;
  /** Whether a fact that was known is about this look: a shard keeps the others. */
  readonly isCovered: (key: string, project: string) => boolean;
  readonly findings: readonly IndexFinding[];
}

/**
 * Looks at the source: lists it, or asks for changed keys alone where that is enough, and finds out what is not known yet. Throws
 * what the source throws for a listing that fails; an object that cannot be asked for is a failure of its own.
 */
export async function observe(input: ObserveInput, options: ObserveOptions): Promise<Observation> {
  if (options.changedKeys === undefined) return observeWhole(input, options, undefined);
  const scoped = await observeChanged(input, options, options.changedKeys);
  if (!('reason' in scoped)) return scoped;
  input.progress.info(sentence(`Listing the source: ${scoped.reason}`));
  return observeWhole(input, options, scoped.reason);
}

async function observeWhole(
  input: ObserveInput,
  options: ObserveOptions,
  reason: string | undefined,
): Promise<Observation> {
  const { configuration, source, memory, clock, progress } = input;
  const { concurrency } = options;
  const shards = new Shards(memory);
  // Before the listing: what somebody else removes from a shard meanwhile is known to be removed.
  await shards.load(knownShards(input.destinations.values()), concurrency);
  const splits = memory && (await readDocument(memory, splitsKey, { decode: decodeSplits }));
  const listed = listedDirectories(configuration, input.destinations.keys());
  const findings = [...input.destinations.values()].flatMap((state) => state.findings);
  for (let number = 1; ; number += 1) {
    const listedAtMs = clock.nowMs();
    const selector = new FileSelector(configuration);
    progress.start('list the source');
    const listing = await listIndex(source, selector, {
      directories: listed,
      splits: splits?.state ?? [],
      maxFiles: options.maxFiles,
      onFiles: (count) => progress.advance(count),
    });
    const selection = selector.finish();
    await shards.load(projectsByShard(selection).keys(), concurrency);
    const knowledge = await learn(input, selection, shards, options);
    if (knowledge.replaced.length > 0 && number < maxListings && options.mayContinue()) {
      progress.info(
        `${counted(knowledge.replaced.length, 'file was', 'files were')} replaced since the listing: listing again.`,
      );
      continue;
    }
    const isThere = (key: string): boolean => listing.pages.has(key);
    return {
      mode: { kind: 'whole', reason },
      selection,
      knowledge,
      copied: await readCopiedPages(source, selection, isThere, concurrency),
      listing,
      listedAtMs,
      shards,
      splits,
      isCovered: (key) => configuration.prefixes.some(({ files }) => isBelow(key, files)),
      findings: [...findings, ...shards.findings],
    };
  }
}

function learn(
  { source, earlier, progress }: ObserveInput,
  selection: Selection,
  shards: Shards,
  options: ObserveOptions,
): Promise<FileKnowledge> {
  return learnFacts(source, selection, (shard) => shards.facts(shard), earlier, {
    ...options,
    onAsked: (count) => {
      if (count > 0) progress.start('ask about files', count, 'entries');
    },
    onDone: () => progress.advance(1),
  });
}

/** Directories with files, those with pages that the listing shows, and those with pages to copy. */
function listedDirectories(
  { prefixes }: IndexConfiguration,
  destinations: Iterable<IndexDestination>,
): readonly string[] {
  const hasPages = [...destinations].some(({ isSource }) => isSource);
  return withoutNested(
    prefixes.flatMap(({ files, pages, copiedPages }) => [
      files,
      ...(hasPages ? [pages] : []),
      ...copiedPages.flatMap(({ from }) => from ?? []),
    ]),
  );
}

/** The shards of the projects that pages list. */
function knownShards(states: Iterable<DestinationState>): ReadonlySet<string> {
  const shards = new Set<string>();
  for (const { states: prefixes } of states) {
    for (const { projects } of prefixes.values()) {
      for (const names of projects.values()) for (const name of names) shards.add(shardOf(name));
    }
  }
  return shards;
}

async function observeChanged(
  input: ObserveInput,
  options: ObserveOptions,
  changedKeys: readonly string[],
): Promise<Observation | { readonly reason: string }> {
  const { configuration, source, memory, clock } = input;
  const { concurrency } = options;
  const known = [...input.destinations].map(([{ index }, { states }]) => ({ states, destination: index }));
  const scope = changeScope(configuration, changedKeys, known);
  if (scope.kind === 'whole') return scope;
  if (memory === undefined) return { reason: 'nothing is known of the files' };
  const directories = knownDirectories(known.map(({ states }) => states));
  if (directories === undefined) return { reason: 'destinations know different directories' };
  const { projects } = scope;
  const shards = new Shards(memory);
  await shards.load([...projects].map(shardOf), concurrency);
  const listedAtMs = clock.nowMs();
  const answers = new Map<string, SourceFile | undefined>();
  const untold: string[] = [];
  await mapConcurrently(scope.keys, concurrency, async (key) => {
    const info = await source.head(key);
    if (info !== undefined && (info.etag === undefined || info.modifiedAtMs === undefined)) untold.push(key);
    answers.set(key, info && sourceFile(info));
  });
  const [unclear] = untold.sort();
  if (unclear !== undefined)
    return { reason: `the store does not say which object it has at "${printable(unclear)}"` };
  const facts: ShardState = new Map(shards.loaded().flatMap((shard) => [...shards.facts(shard)]));
  const scoped = scopedFiles(projects, facts, answers);
  if ('reason' in scoped) return scoped;
  const selector = new FileSelector(configuration, directories);
  for (const file of scoped.files) selector.add(file);
  const selection = selector.finish();
  const knowledge = await learn(input, selection, shards, options);
  if (knowledge.replaced.length > 0) return { reason: 'files were replaced meanwhile' };
  return {
    mode: { kind: 'changed-keys', projects },
    selection,
    knowledge,
    copied: new Map(),
    listing: undefined,
    listedAtMs,
    shards,
    splits: undefined,
    isCovered: (key, project) =>
      projects.has(project) && configuration.prefixes.some(({ files }) => isBelow(key, files)),
    findings: [...[...input.destinations.values()].flatMap((state) => state.findings), ...shards.findings],
  };
}

/** The directories of each prefix, if all destinations know the same ones. */
function knownDirectories(
  destinations: readonly DestinationState['states'][],
): ReadonlyMap<string, readonly string[]> | undefined {
  const [first = new Map()] = destinations;
  const textOf = (states: DestinationState['states']): string =>
    JSON.stringify([...states].map(([pages, { directories }]) => [pages, [...directories].sort()]));
  if (destinations.some((states) => textOf(states) !== textOf(first))) return undefined;
  return new Map([...first].map(([pages, { directories }]) => [pages, directories]));
}
