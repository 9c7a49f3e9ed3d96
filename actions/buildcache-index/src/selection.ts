import { type Problem, printable, wildcardTest } from '@slipway/core';
import { classifyKey, pathSafe } from '@slipway/spack-buildcache';

const maxShownCharacters = 100;

/** Chooses the members of a view. */
export type Selection = (entry: {
  readonly name: string;
  readonly version: string;
  readonly hash: string;
}) => boolean;

/**
 * Parses patterns into a selection, or returns their problems. Undefined without patterns: a view then keeps its members.
 */
export function parseSelection(
  patterns: readonly string[],
): Selection | undefined | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const tests: Selection[] = [];
  for (const pattern of patterns) {
    if (/^\/[a-z2-7]{4,32}$/.test(pattern)) {
      const prefix = pattern.slice(1);
      tests.push(({ hash }) => hash.startsWith(prefix));
      continue;
    }
    const match = /^([A-Za-z0-9_.*-]{1,128})(?:@=?([^\s\\]{1,180}))?$/.exec(pattern);
    if (match?.[1] === undefined) {
      problems.push(
        `select: "${pattern}" is not a name, name@version or /hash (with at least four characters)`,
      );
      continue;
    }
    const isName = wildcardTest(match[1]);
    const isVersion = wildcardTest(asInFileName(match[2] ?? '*'));
    tests.push((entry) => isName(entry.name) && isVersion(entry.version));
  }
  if (problems.length > 0) return { problems };
  return tests.length === 0 ? undefined : (entry) => tests.some((test) => test(entry));
}

/** Versions are known only from file names, in which `git.feature/x=1.0` is `git.feature_x_1.0`. */
function asInFileName(pattern: string): string {
  return pattern.split('*').map(pathSafe).join('*');
}

/** Whether a parsed selection is a list of problems. */
export function isInvalid(
  selection: ReturnType<typeof parseSelection>,
): selection is { readonly problems: readonly string[] } {
  return typeof selection === 'object';
}

/** Name and version of an entry, from its key. The version is in the form used in file names. */
export function entryOfKey(key: string): {
  readonly name: string;
  readonly version: string;
  readonly hash: string;
} {
  const classified = classifyKey(key);
  if (classified.kind !== 'spec-manifest') return { name: '', version: '', hash: '' };
  const { packageName: name, fileStem, dagHash: hash } = classified;
  return { name, version: fileStem.slice(name.length + 1, -(hash.length + 1)), hash };
}

/** Warns about patterns of `select` that match no stored entry. */
export function unusedPatterns(
  patterns: readonly string[],
  keys: Iterable<string>,
): readonly Problem<'select-unused'>[] {
  const unused = new Map(patterns.map((pattern) => [pattern, parseSelection([pattern])]));
  for (const key of keys) {
    if (unused.size === 0) break;
    const entry = entryOfKey(key);
    for (const [pattern, selection] of unused) {
      if (typeof selection === 'function' && selection(entry)) unused.delete(pattern);
    }
  }
  return [...unused.keys()].map((pattern) => ({
    code: 'select-unused',
    severity: 'warning',
    message: `No entry of the mirror matches "${printable(pattern, maxShownCharacters)}" of select.`,
    hint: /@.*:/.test(pattern)
      ? 'Version ranges as in Spack are not supported: write *, as in "hdf5@1.14.*".'
      : undefined,
  }));
}
