import { printable } from '@slipway/core';
import type { IndexConfiguration } from './configuration.ts';
import { parseFileName } from './file-names.ts';
import type { SourceFile } from './files.ts';
import { type KnownDestination, mayBePage } from './plan.ts';
import { prefixFingerprint } from './plan-state.ts';
import { fileNameOf } from './selection.ts';
import { DirectoryRoles } from './selection-directories.ts';
import { hasExtension, metadataSuffix } from './selection-files.ts';
import type { ShardState } from './state.ts';

/** What a run for changed keys looks at. */
export type ChangeScope =
  /** Everything, with a listing. */
  | { readonly kind: 'whole'; readonly reason: string }
  /** These projects, normalised; nothing if there are none. `keys` are to be asked for: they may be gone. */
  | { readonly kind: 'projects'; readonly projects: ReadonlySet<string>; readonly keys: readonly string[] };

type Destinations = readonly (Pick<KnownDestination, 'states'> & {
  readonly destination?: number | undefined;
})[];

/**
 * Which projects the changed keys are about, or why everything must be listed: nothing is known of a prefix, its configuration is another,
 * a file lies in a directory that had none, or a listing changes. Pages are not looked at, because a run itself changes them.
 */
export function changeScope(
  configuration: IndexConfiguration,
  changedKeys: readonly string[],
  destinations: Destinations,
): ChangeScope {
  const roles = new DirectoryRoles(configuration.prefixes);
  const projects = new Set<string>();
  const keys = new Set<string>();
  for (const changed of changedKeys) {
    if (mayBePage(changed)) continue;
    const key = changed.endsWith(metadataSuffix) ? changed.slice(0, -metadataSuffix.length) : changed;
    const fileName = fileNameOf(key);
    const name = parseFileName(fileName);
    for (const { prefix, path } of roles.of(key.slice(0, Math.max(0, key.length - fileName.length - 1)))
      .places) {
      const rules = configuration.prefixes[prefix];
      if (rules === undefined || !hasExtension(fileName, rules.extensions)) continue;
      const reason = unknownReason(configuration, rules.pages, path, destinations);
      if (reason !== undefined) return { kind: 'whole', reason };
      if (!rules.isIncluded(path === '' ? fileName : `${path}/${fileName}`)) continue;
      if (rules.kind === 'listing') return whole(`a file of the listing "${rules.files}" has changed`);
      if (name.kind === 'refused' || rules.allowList?.has(name.project) === false) continue;
      projects.add(name.project);
      keys.add(key).add(key + metadataSuffix);
    }
  }
  return { kind: 'projects', projects, keys: [...keys].sort() };
}

function whole(reason: string): ChangeScope {
  return { kind: 'whole', reason: printable(reason) };
}

function unknownReason(
  configuration: IndexConfiguration,
  pages: string,
  path: string,
  destinations: Destinations,
): string | undefined {
  for (const { states, destination } of destinations) {
    const state = states.get(pages);
    if (state === undefined) return `nothing is known of the pages in "${printable(pages)}"`;
    if (state.fingerprint !== prefixFingerprint({ configuration }, pages, destination)) {
      return `the configuration of "${printable(pages)}" has changed`;
    }
    if (!state.directories.includes(path)) {
      return `a file has changed in a directory that had none, "${printable(path)}" of "${printable(pages)}"`;
    }
  }
  return undefined;
}

/**
 * The files of the projects in scope, with their METADATA files: those that the shards know, as the answers about changed keys correct
 * them. An answer is undefined if there is no such object. Returns why everything must be listed if a directory may have become empty.
 */
export function scopedFiles(
  projects: ReadonlySet<string>,
  shards: ShardState,
  answers: ReadonlyMap<string, SourceFile | undefined>,
): { readonly files: readonly SourceFile[] } | { readonly reason: string } {
  const files = new Map<string, SourceFile>();
  const directories = new Set<string>();
  const isOfProject = (key: string): boolean => {
    const name = parseFileName(fileNameOf(key));
    return name.kind !== 'refused' && projects.has(name.project);
  };
  for (const [key, { etag, sizeBytes, modifiedAtMs, metadata }] of shards) {
    if (!isOfProject(key)) continue;
    files.set(key, { key, etag, sizeBytes, modifiedAtMs });
    directories.add(placeOf(key));
    if (metadata === null) continue;
    const sibling = key + metadataSuffix;
    // Only the ETag of a METADATA file matters.
    files.set(sibling, { key: sibling, etag: metadata.etag, sizeBytes: 0, modifiedAtMs: 0 });
  }
  for (const [key, file] of answers) {
    if (file === undefined) files.delete(key);
    else files.set(key, file);
  }
  for (const key of files.keys()) if (!key.endsWith(metadataSuffix)) directories.delete(placeOf(key));
  const [empty] = directories;
  if (empty !== undefined) {
    return { reason: `no file of a project is left where it had some, ${printable(empty)}` };
  }
  return { files: [...files.values()] };
}

/** The project of a file, and the directory that it lies in. */
function placeOf(key: string): string {
  const fileName = fileNameOf(key);
  const name = parseFileName(fileName);
  const directory = key.slice(0, key.length - fileName.length);
  return `"${name.kind === 'refused' ? '' : name.project}" in "${directory}"`;
}
