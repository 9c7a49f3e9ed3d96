import { counted, type ObjectStore, type Problem, printable } from '@slipway/core';
import { credentialStoreIn, unusedExcludeNotices, unusedGlobNotice } from '@slipway/local-files';
import type { KeyGlob } from './globs.ts';
import type { HeaderRules } from './headers.ts';
import type { Listing } from './listing.ts';
import type { LocalObject, Observation } from './plan.ts';
import type { Selection } from './selection.ts';

const maxNamedKeys = 20;

export type NoteCode = 'listing-denied' | 'glob-unused' | 'credentials-left-out' | 'credentials-published';
export type Note = Problem<NoteCode>;

/** Reports that listing is denied, and what that costs. */
export function listingNotes({ extent }: Listing, store: ObjectStore): readonly Note[] {
  if (extent !== 'denied') return [];
  return [
    {
      code: 'listing-denied',
      severity: 'notice',
      message: `Listing ${printable(store.url)} is not allowed, so objects are checked one by one, and those that cannot be read are stored again.`,
      hint: 'Allow s3:ListBucket for this bucket and prefix: one listing then shows what is unchanged.',
    },
  ];
}

/** Credential stores that were published earlier, and that this run neither publishes nor deletes. */
export function publishedCredentials(
  { objects }: Listing,
  wanted: ReadonlySet<string>,
  extraneous: Observation['extraneous'],
): readonly Note[] {
  const deleted = new Set(extraneous.map(({ key }) => key));
  const keys = [...objects.keys()].filter(
    (key) => credentialStoreIn(key) !== undefined && !wanted.has(key) && !deleted.has(key),
  );
  if (keys.length === 0) return [];
  return [
    {
      code: 'credentials-published',
      severity: 'warning',
      message: `The destination has ${counted(keys.length, 'object')} from earlier publishes that may contain credentials: ${namesOf(keys)}.`,
      hint: 'Delete them, by hand or with "delete: extraneous", and revoke every token and key in them, because others may have read them.',
    },
  ];
}

function namesOf(keys: readonly string[]): string {
  const named = keys.slice(0, maxNamedKeys).map((key) => printable(key, 100));
  return named.join(', ') + (keys.length > named.length ? `, and ${keys.length - named.length} more` : '');
}

/** Globs that match nothing are usually typos, and a pointer that no glob matches is stored too early. */
export function unusedGlobs(
  rules: HeaderRules,
  excluded: readonly KeyGlob[],
  selection: Selection,
  local: readonly LocalObject[],
): readonly Note[] {
  const inputs = [
    { name: 'pointers', severity: 'warning', globs: rules.pointers },
    { name: 'immutable', severity: 'warning', globs: rules.immutable },
    { name: 'cache-control', severity: 'notice', globs: rules.cacheControl.map(({ glob }) => glob) },
    { name: 'content-type', severity: 'notice', globs: rules.contentType.map(({ glob }) => glob) },
    {
      name: 'content-encoding',
      severity: 'warning',
      globs: (rules.contentEncoding ?? []).map(({ glob }) => glob),
    },
    { name: 'metadata', severity: 'notice', globs: rules.metadata.map(({ glob }) => glob) },
  ] as const;
  const unused = inputs.flatMap(({ name, severity, globs }) =>
    globs
      .filter((glob) => !local.some(({ key }) => glob.matches(key)))
      .map(({ text }) => unusedGlobNotice(text, `of ${name} matches no file of the source`, severity)),
  );
  const lines = selection
    .unusedLines()
    .map((text) => unusedGlobNotice(text, 'of source matches no file', 'warning'));
  const idle = excluded.filter((glob) => !glob.wasUsed()).map(({ text }) => text);
  return [...lines, ...unusedExcludeNotices(idle), ...unused];
}
