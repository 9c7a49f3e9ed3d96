import {
  counted,
  type ObjectStore,
  type Problem,
  type ProgressPort,
  printable,
  UserError,
} from '@slipway/core';
import { excludes, type KeyGlob, matchesAny } from './globs.ts';
import { hashFiles } from './hashing.ts';
import { cachePolicyOf, HeaderDigests, type HeaderRules } from './headers.ts';
import { InventoryKeeper } from './inventory-keeper.ts';
import { type Listing, listDestination } from './listing.ts';
import type { LocalObject, Observation } from './plan.ts';
import { lookAtObjects } from './remote-objects.ts';
import type { Selection } from './selection.ts';
import { SourceProblems } from './source-problems.ts';
import { type FoundFile, findFiles } from './walk.ts';

const maxNamedKeys = 20;

export type NoteCode = 'listing-denied' | 'glob-unused';
export type Note = Problem<NoteCode>;

export interface ObserveOptions {
  readonly selection: Selection;
  readonly excluded: readonly KeyGlob[];
  readonly rules: HeaderRules;
  readonly deleteExtraneous: boolean;
  readonly store: ObjectStore;
  /** Whether the destination keeps headers, and ETags that a listing shows: not so in a directory. */
  readonly keepsHeaders: boolean;
  readonly workerEntry: string | undefined;
  readonly progress: ProgressPort;
}

export interface Observed {
  readonly observation: Observation;
  /** Where the files are, by key, for those that are not at their key below the base directory. */
  readonly linkedPaths: ReadonlyMap<string, string>;
  readonly inventory: InventoryKeeper;
  /** How many objects the destination has; undefined when not all were listed. */
  readonly listedCount: number | undefined;
  readonly notes: readonly Note[];
}

/** Finds and hashes the files, and finds out what the destination has. Throws what makes publishing impossible. */
export async function observe(options: ObserveOptions): Promise<Observed> {
  const { store, progress, keepsHeaders } = options;
  progress.start('Looking for files');
  let fileCount: number | undefined;
  const opening = keepsHeaders
    ? InventoryKeeper.open(store, (line) => progress.info(line))
    : Promise.resolve(InventoryKeeper.none(store));
  const listing = opening.then(({ records }) =>
    listDestination(store, {
      needsAll: options.deleteExtraneous,
      wantedCount: () => fileCount,
      splits: splitsOf(records),
    }),
  );
  // It is looked at below; until then nobody is there to see it fail.
  listing.catch(() => undefined);
  const problems = new SourceProblems();
  const files = await findFiles(options.selection, problems);
  fileCount = files.length;
  // A bucket that is not there ends the run at once, however much there is to hash.
  const [local, listed, inventory] = await Promise.all([
    hashSource(files, problems, options),
    listing,
    opening,
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
  if (listed.extent === 'whole') forgetMissing(inventory, listed);
  return {
    observation: {
      local,
      remote,
      extraneous: options.deleteExtraneous ? extraneousOf(listed, wanted, options.excluded) : [],
      keepsHeaders,
    },
    linkedPaths: new Map(
      files.flatMap(({ key, realPath }) => (realPath === undefined ? [] : [[key, realPath]])),
    ),
    inventory,
    listedCount: listed.extent === 'whole' ? listed.objects.size : undefined,
    notes: [...listingNotes(listed, store), ...unusedGlobs(options.rules, local)],
  };
}

const splitEvery = 1_000;

/** Every thousandth key of what was there the last time: parts of a listing that are a page each. */
function splitsOf(records: ReadonlyMap<string, unknown>): readonly string[] {
  if (records.size < 2 * splitEvery) return [];
  const keys = [...records.keys()].sort();
  return keys.filter((_, index) => index % splitEvery === splitEvery - 1);
}

async function hashSource(
  files: readonly FoundFile[],
  problems: SourceProblems,
  { selection, rules, workerEntry, progress }: ObserveOptions,
): Promise<readonly LocalObject[]> {
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  progress.start(`Hashing ${counted(files.length, 'file')}`, totalBytes, 'bytes');
  const digests = await hashFiles(
    files.map(({ key, realPath, sizeBytes }) => ({ path: pathOf(selection, key, realPath), sizeBytes })),
    { workerEntry, onBytes: (count) => progress.advance(count) },
  );
  const headerDigests = new HeaderDigests(rules);
  const local = files.flatMap(({ key }, index) => {
    const digest = digests[index];
    if (digest?.kind === 'digest') {
      const { sizeBytes, sha256 } = digest;
      return [{ key, sizeBytes, sha256, headers: headerDigests.of(key), cache: cachePolicyOf(key, rules) }];
    }
    if (digest?.kind === 'changing') problems.add('content-invalid', key, 'changes while it is being read');
    else problems.add('source-unreadable', key, `cannot be read (${digest?.code ?? 'it was not hashed'})`);
    return [];
  });
  problems.throwIfAny();
  return local;
}

/** A pointer is there to be replaced, and what is immutable never is. */
function refuseContradictions(local: readonly LocalObject[], { immutable }: HeaderRules): void {
  const both = local.filter(({ key, cache }) => cache === 'pointer' && matchesAny(immutable, key));
  if (both.length === 0) return;
  const named = both.slice(0, maxNamedKeys).map(({ key }) => printable(key, 100));
  const more = both.length > named.length ? ` and ${both.length - named.length} more` : '';
  throw new UserError('plan-refused', `Both pointers and immutable match ${named.join(', ')}${more}.`, {
    hint: 'Narrow the globs of one of them.',
  });
}

/** Where the file of a key is. */
export function pathOf(selection: Selection, key: string, linkedPath: string | undefined): string {
  return linkedPath ?? `${selection.baseDirectory === '/' ? '' : selection.baseDirectory}/${key}`;
}

function forgetMissing(inventory: InventoryKeeper, { objects }: Listing): void {
  for (const key of inventory.records.keys()) if (!objects.has(key)) inventory.forget(key);
}

function extraneousOf(
  { objects }: Listing,
  wanted: ReadonlySet<string>,
  excluded: readonly KeyGlob[],
): Observation['extraneous'] {
  const extraneous: { key: string; sizeBytes: number }[] = [];
  for (const [key, { sizeBytes }] of objects) {
    if (!wanted.has(key) && !excludes(excluded, key)) extraneous.push({ key, sizeBytes });
  }
  return extraneous;
}

function listingNotes({ extent }: Listing, store: ObjectStore): readonly Note[] {
  if (extent !== 'denied') return [];
  return [
    {
      code: 'listing-denied',
      severity: 'notice',
      message: `Listing ${printable(store.url)} is not allowed, so each object is asked for by itself, and what cannot be seen is stored again.`,
      hint: 'Allow s3:ListBucket for this bucket and prefix: what is unchanged is then known from one listing.',
    },
  ];
}

/** Globs that match nothing are typing errors more often than not, and a pointer that is none is stored too early. */
function unusedGlobs(rules: HeaderRules, local: readonly LocalObject[]): readonly Note[] {
  const inputs = [
    { name: 'pointers', severity: 'warning', globs: rules.pointers },
    { name: 'immutable', severity: 'warning', globs: rules.immutable },
    { name: 'cache-control', severity: 'notice', globs: rules.cacheControl.map(({ glob }) => glob) },
    { name: 'content-type', severity: 'notice', globs: rules.contentType.map(({ glob }) => glob) },
    { name: 'metadata', severity: 'notice', globs: rules.metadata.map(({ glob }) => glob) },
  ] as const;
  return inputs.flatMap(({ name, severity, globs }) =>
    globs
      .filter((glob) => !local.some(({ key }) => glob.matches(key)))
      .map((glob) => ({
        code: 'glob-unused' as const,
        severity,
        message: `The glob "${printable(glob.text, 100)}" of ${name} matches no file of the source.`,
      })),
  );
}
