const maxNameBytes = 4_096;
const maxSegmentBytes = 255;
const reservedOnWindows =
  /^(?:con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(?:\.|$)/i;

/**
 * Why a name must not be in an archive, or undefined: relative, `/`-separated, no empty, `.` or `..` segment, no backslash,
 * drive or control character, and no longer than file systems allow. The name of a directory ends in `/`.
 */
export function entryNameProblem(name: string): string | undefined {
  const path = name.endsWith('/') ? name.slice(0, -1) : name;
  if (path === '') return 'is empty';
  if (Buffer.byteLength(path) > maxNameBytes) return `is longer than ${maxNameBytes} bytes`;
  if (path.startsWith('/')) return 'is an absolute path';
  if (/^[A-Za-z]:/.test(path)) return 'begins with a drive';
  if (path.includes('\\')) return 'has a backslash, which some programs treat as a slash';
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(path)) return 'has a control character';
  if (!path.isWellFormed()) return 'is not well-formed Unicode';
  for (const segment of path.split('/')) {
    if (segment === '') return 'has an empty segment';
    if (segment === '.' || segment === '..') return `has a "${segment}" segment`;
    if (Buffer.byteLength(segment) > maxSegmentBytes)
      return `has a part that is longer than ${maxSegmentBytes} bytes`;
  }
  return undefined;
}

/** Why Windows cannot unpack an otherwise valid name, or undefined. */
export function windowsNameProblem(name: string): string | undefined {
  for (const segment of name.split('/')) {
    if (reservedOnWindows.test(segment)) return `has the part "${segment}", which names a device on Windows`;
    const character = /[<>:"|?*]/.exec(segment)?.[0];
    if (character !== undefined) return `has a ${character}, which file names on Windows cannot contain`;
    if (/[. ]$/.test(segment)) return 'has a part that ends in a dot or a space, which Windows removes';
  }
  return undefined;
}

/** A name as compared by file systems that ignore case and Unicode composition. */
function foldName(name: string): string {
  return name.normalize('NFD').toUpperCase().toLowerCase().normalize('NFC');
}

export interface NamedEntry {
  /** Without a trailing slash. */
  readonly name: string;
  readonly kind: 'file' | 'link' | 'directory';
}

export interface NameClash {
  readonly name: string;
  readonly other: string;
  readonly what: string;
}

/**
 * Entries that would overwrite each other on some file system: with the same name, with names that differ in case, or with a file
 * where a directory is needed.
 */
export function findNameClashes(entries: readonly NamedEntry[]): readonly NameClash[] {
  const seen = new Map<
    string,
    { readonly name: string; readonly kind: NamedEntry['kind']; listed: boolean }
  >();
  const clashes: NameClash[] = [];
  const place = (name: string, kind: NamedEntry['kind'], listed: boolean): void => {
    const folded = foldName(name);
    const other = seen.get(folded);
    if (other === undefined) {
      seen.set(folded, { name, kind, listed });
    } else if (other.name !== name) {
      clashes.push({ name, other: other.name, what: differenceBetween(name, other.name) });
    } else if (other.kind !== kind) {
      clashes.push({ name, other: name, what: 'is a directory and something else at once' });
    } else if (listed && other.listed) {
      clashes.push({ name, other: name, what: 'appears twice' });
    } else {
      other.listed ||= listed;
    }
  };
  const parents = new Set<string>();
  for (const { name, kind } of entries) {
    for (let end = name.indexOf('/'); end !== -1; end = name.indexOf('/', end + 1)) {
      const parent = name.slice(0, end);
      if (parents.has(parent)) continue;
      parents.add(parent);
      place(parent, 'directory', false);
    }
    place(name, kind, true);
  }
  return clashes;
}

function differenceBetween(name: string, other: string): string {
  return name.normalize('NFC') === other.normalize('NFC')
    ? `differs from "${other}" only in how its characters are composed`
    : `differs from "${other}" only in upper and lower case`;
}
