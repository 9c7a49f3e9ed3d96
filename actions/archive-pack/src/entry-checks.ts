import {
  entryNameProblem,
  findNameClashes,
  LinkTree,
  linkProblem,
  windowsNameProblem,
} from '@slipway/archive';
import { printable, type UserErrorCode } from '@slipway/core';
import { pathGlob } from '@slipway/local-files';
import type { NamedSource } from './entry-names.ts';
import type { Inputs } from './inputs.ts';
import { rulesFor } from './rules.ts';

/** Platforms whose archives are not unpacked on Windows. */
const otherThanWindows = /^(?:mac|osx|darwin|linux|ubuntu|debian|alpine|freebsd|android|ios|unix)/i;

export interface PlanProblem {
  readonly code: Extract<
    UserErrorCode,
    'name-invalid' | 'path-outside' | 'content-invalid' | 'input-invalid'
  >;
  readonly archive: string;
  /** Continues a sentence that begins with the archive. */
  readonly what: string;
}

export interface CheckContext {
  readonly archive: string;
  readonly platform: string | undefined;
  readonly outputPaths: ReadonlySet<string>;
  readonly given: Pick<Inputs, 'requiredEntries' | 'portableNames'>;
  /** The directory that all entries are in, with a slash; empty without one. */
  readonly top: string;
}

/** All problems with the entries of an archive before it is written. Pure. */
export function checkEntries(
  sources: readonly NamedSource[],
  { archive, platform, outputPaths, given, top }: CheckContext,
): readonly PlanProblem[] {
  const problems: PlanProblem[] = [];
  const add = (code: PlanProblem['code'], what: string): void => void problems.push({ code, archive, what });
  const entries = sources.map(({ entry }) => entry);
  const isPortable = isPortableWanted(given.portableNames, platform);
  for (const { name } of entries) {
    const problem = entryNameProblem(name) ?? (isPortable ? windowsNameProblem(name) : undefined);
    if (problem !== undefined) add('name-invalid', `has the name "${printable(name)}", which ${problem}`);
  }
  const origins = originsByName(sources);
  for (const { name, other, what } of findNameClashes(entries)) {
    const from = origins.get(name) ?? [];
    const paths =
      name === other && from.length > 1 ? ` (${from.map((path) => printable(path)).join(', ')})` : '';
    add('name-invalid', `has "${printable(name)}", which ${printable(what)}${paths}`);
  }
  const tree = new LinkTree(entries);
  for (const entry of entries) {
    const problem = entry.kind === 'link' ? linkProblem(entry, tree) : undefined;
    if (problem !== undefined) {
      const target = entry.kind === 'link' ? printable(entry.target) : '';
      add('path-outside', `has "${printable(entry.name)}", which ${problem} ("${target}")`);
    }
  }
  for (const { path } of sources) {
    if (outputPaths.has(path))
      add('input-invalid', `would have ${printable(path)} in it, a zip that this run writes`);
  }
  for (const glob of rulesFor(given.requiredEntries, archive).flat()) {
    const matches = pathGlob(glob);
    if (!entries.some(({ name }) => matches(name.slice(top.length))))
      add('content-invalid', `has no entry "${printable(glob)}", which required-entries requires`);
  }
  return problems;
}

function originsByName(sources: readonly NamedSource[]): ReadonlyMap<string, readonly string[]> {
  const origins = new Map<string, string[]>();
  for (const { entry, path } of sources) {
    const paths = origins.get(entry.name);
    if (paths === undefined) origins.set(entry.name, [path]);
    else paths.push(path);
  }
  return origins;
}

function isPortableWanted(wanted: Inputs['portableNames'], platform: string | undefined): boolean {
  if (wanted === 'auto') return platform === undefined || !otherThanWindows.test(platform);
  return wanted === 'always';
}
