import {
  counted,
  isOwnDirectory,
  type ObjectStore,
  type ProgressPort,
  printable,
  UserError,
} from '@slipway/core';
import { FileProblems, hashNamed, leftOutNotices } from '@slipway/local-files';
import { cdnPathOf, everythingUnder, pathsToHandOn, readPending } from '@slipway/pending-invalidations';
import { isEncoded } from './content-encoding.ts';
import { excludes, type KeyGlob, matchesAny } from './globs.ts';
import { cachePolicyOf, contentEncodingOf, HeaderDigests, type HeaderRules } from './headers.ts';
import { InventoryKeeper } from './inventory-keeper.ts';
import { isOwnBelow, type Listing, listDestination } from './listing.ts';
import { listingNotes, type Note, publishedCredentials, unusedGlobs } from './notes.ts';
import type { LocalObject, Observation } from './plan.ts';
import { lookAtObjects } from './remote-objects.ts';
import type { Selection } from './selection.ts';
import { type FoundFile, findFiles } from './walk.ts';

const maxNamedKeys = 20;

export interface ObserveOptions {
  readonly selection: Selection;
  readonly excluded: readonly KeyGlob[];
  readonly rules: HeaderRules;
  readonly deleteExtraneous: boolean;
  readonly store: ObjectStore;
  /** Whether the destination keeps headers, and ETags that listings return; a directory does not. */
  readonly keepsHeaders: boolean;
  readonly baseUrl: string | undefined;
  readonly workerEntry: string | undefined;
  readonly progress: ProgressPort;
}

export interface Observed {
  readonly observation: Observation;
  /** The paths of files, by key, if they differ from the key below the base directory. */
  readonly linkedPaths: ReadonlyMap<string, string>;
  readonly inventory: InventoryKeeper;
  /** How many objects the destination has; undefined when not all were listed. */
  readonly listedCount: number | undefined;
  /** Unpublished credential stores; directories end in a slash. */
  readonly leftOut: readonly string[];
  /** Paths that earlier publishes replaced and for which no invalidation has been proven. */
  readonly pendingPaths: readonly string[];
  readonly notes: readonly Note[];
}

/** Finds and hashes the files, and observes the destination. Throws if publishing is impossible. */
export async function observe(options: ObserveOptions): Promise<Observed> {
  const { store, progress, keepsHeaders } = options;
  progress.start('Looking for files');
  const opening = keepsHeaders
    ? InventoryKeeper.open(store, (line) => progress.info(line))
    : Promise.resolve(InventoryKeeper.none(store));
  const problems = new FileProblems();
  const leftOut: string[] = [];
  const finding = findFiles(options.selection, problems, leftOut, (name) => {
    const why = isOwnDirectory(name)
      ? 'a destination keeps records of Slipway there'
      : 'a composite action copies its steps there';
    progress.info(`Left ${printable(name)}/ of the source out: ${why}.`);
  });
  const listing = Promise.all([opening, finding]).then(([{ records }, files]) =>
    listDestination(store, {
      needsAll: options.deleteExtraneous,
      wantedCount: files.length,
      splits: records.size < 2 * splitEvery ? [] : splitsOf(files),
    }),
  );
  const readingPending = readPending(store);
  // They are awaited below; until then a failure must not be reported as unhandled.
  for (const pending of [listing, readingPending]) pending.catch(() => undefined);
  const files = await finding;
  // A missing bucket ends the run immediately, however much there is to hash.
  const [local, listed, inventory, pending] = await Promise.all([
    hashSource(files, problems, options),
    listing,
    opening,
    readingPending,
  ]);
  refuseContradictions(local, options.rules);
  progress.start('Comparing with the destination', local.length, 'entries');
  const remote = await lookAtObjects({
    store,
    local,
    listing: listed,
    inventory: inventory.records,
    workerEntry: options.workerEntry,
    onLooked: () => progress.advance(1),
  });
  const wanted = new Set(local.map(({ key }) => key));
  if (listed.extent === 'whole') forgetMissing(inventory, listed, remote);
  const extraneous = options.deleteExtraneous ? extraneousOf(listed, wanted, options.excluded) : [];
  return {
    observation: {
      local,
      remote,
      extraneous,
      keepsHeaders,
    },
    linkedPaths: new Map(
      files.flatMap(({ key, realPath }) => (realPath === undefined ? [] : [[key, realPath]])),
    ),
    inventory,
    listedCount: listed.extent === 'whole' ? listed.objects.size : undefined,
    leftOut,
    pendingPaths: pathsToHandOn(pending, () => knownPaths([wanted, listed.objects.keys()], options.baseUrl)),
    notes: [
      ...leftOutNotices(leftOut),
      ...publishedCredentials(listed, wanted, extraneous),
      ...listingNotes(listed, store),
      ...unusedGlobs(options.rules, options.excluded, options.selection, local),
    ],
  };
}

/** The paths of deleted keys are no longer known. */
function* knownPaths(keys: Iterable<Iterable<string>>, baseUrl: string | undefined): Generator<string> {
  for (const some of keys) for (const key of some) yield cdnPathOf(key, baseUrl);
  yield everythingUnder(baseUrl);
}

const splitEvery = 1_000;

/** Every thousandth key of the source, which resembles the previous publish: splits the listing into parts of about one page. */
function splitsOf(files: readonly FoundFile[]): readonly string[] {
  const keys = files.map(({ key }) => key).sort();
  return keys.filter((_, index) => index % splitEvery === splitEvery - 1);
}

async function hashSource(
  files: readonly FoundFile[],
  problems: FileProblems,
  { selection, rules, workerEntry, progress }: ObserveOptions,
): Promise<readonly LocalObject[]> {
  const named = files.map(({ key, realPath, sizeBytes }) => ({
    name: key,
    path: pathOf(selection, key, realPath),
    sizeBytes,
  }));
  const digests = await hashNamed(named, { workerEntry, progress, problems });
  const headerDigests = new HeaderDigests(rules);
  const local = files.flatMap(({ key, realPath }, index) => {
    const digest = digests[index];
    if (digest === undefined) return [];
    const { sizeBytes, sha256 } = digest;
    const contentEncoding = contentEncodingOf(key, rules);
    if (!isEncoded(pathOf(selection, key, realPath), contentEncoding))
      problems.add(
        'content-invalid',
        key,
        `has the Content-Encoding ${contentEncoding}, but its content does not begin like ${contentEncoding}`,
      );
    const headers = headerDigests.of(key);
    return [{ key, sizeBytes, sha256, headers, contentEncoding, cache: cachePolicyOf(key, rules) }];
  });
  problems.throwIfAny(
    (count) => `${counted(count, 'file')} of the source cannot be published, so nothing was`,
    'Correct or remove them, or leave them out with exclude.',
  );
  return local;
}

/** Pointers are made to be replaced, and immutable objects never are. */
function refuseContradictions(local: readonly LocalObject[], { immutable }: HeaderRules): void {
  const both = local.filter(({ key, cache }) => cache === 'pointer' && matchesAny(immutable, key));
  if (both.length === 0) return;
  const named = both.slice(0, maxNamedKeys).map(({ key }) => printable(key, 100));
  const more = both.length > named.length ? ` and ${both.length - named.length} more` : '';
  throw new UserError('plan-refused', `Both pointers and immutable match ${named.join(', ')}${more}.`, {
    hint: 'Narrow the globs of one of them.',
  });
}

/** The path of the file of a key. */
export function pathOf(selection: Selection, key: string, linkedPath: string | undefined): string {
  return linkedPath ?? `${selection.baseDirectory === '/' ? '' : selection.baseDirectory}/${key}`;
}

function forgetMissing(
  inventory: InventoryKeeper,
  { objects }: Listing,
  remote: Observation['remote'],
): void {
  const recorded = [...remote.values()].filter(({ isRecorded }) => isRecorded === true).length;
  if (recorded < inventory.records.size) inventory.keepOnly(objects.keys());
}

function extraneousOf(
  { objects }: Listing,
  wanted: ReadonlySet<string>,
  excluded: readonly KeyGlob[],
): Observation['extraneous'] {
  const extraneous: { key: string; sizeBytes: number }[] = [];
  for (const [key, { sizeBytes }] of objects) {
    if (wanted.has(key) || isOwnBelow(key) || excludes(excluded, key)) continue;
    extraneous.push({ key, sizeBytes });
  }
  return extraneous;
}
