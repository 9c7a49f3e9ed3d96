import { isProjectName, normalizeProjectName } from './project-name.ts';
import { parseVersion } from './versions.ts';

/** File systems store no longer names, so no client could save the file. */
const maxFileNameCharacters = 255;

interface Distribution {
  /** As the file name has it. */
  readonly name: string;
  /** Normalised (PEP 503). */
  readonly project: string;
  /** As the file name has it. */
  readonly version: string;
  /** Why some clients do not see the file, although it is listed. */
  readonly doubts: readonly FileNameDoubt[];
}

/** A wheel: `{name}-{version}(-{build})?-{python}-{abi}-{platform}.whl` (PEP 427, PEP 491, PEP 425). */
export interface WheelName extends Distribution {
  readonly kind: 'wheel';
  /** Begins with a digit. */
  readonly build?: string | undefined;
  readonly pythonTags: readonly string[];
  readonly abiTags: readonly string[];
  readonly platformTags: readonly string[];
}

/** A source distribution: `{name}-{version}.tar.gz` (PEP 625), or a `.zip` and names with hyphens, as older tools made them. */
export interface SourceDistributionName extends Distribution {
  readonly kind: 'sdist';
  readonly extension: 'tar.gz' | 'zip';
}

/** `double-underscore`: pip takes no such wheel, uv does. `version-unknown`: PEP 440 does not know the version, no client takes it. */
export type FileNameDoubt = 'double-underscore' | 'version-unknown';

/** A file name that cannot be in an index. */
export interface RefusedName {
  readonly kind: 'refused';
  /** Why, to follow the name in a message; does not quote the name. */
  readonly reason: string;
}

export type DistributionName = WheelName | SourceDistributionName;

/**
 * Reads the file name of a wheel or a source distribution. Takes what the specifications tell consumers to take, such as
 * upper case and dots in names; refuses what can be no distribution, with the reason. Takes wheels whose version PEP 440 does not
 * know with a doubt, because buckets have them and other indexes list them.
 */
export function parseFileName(fileName: string): DistributionName | RefusedName {
  if (fileName.length > maxFileNameCharacters)
    return refused(`it has more than ${maxFileNameCharacters} characters`);
  if (!/^[\x21-\x7e]*$/.test(fileName)) {
    return refused('it has a blank, a control character or a character beyond ASCII');
  }
  if (/[/\\]/.test(fileName)) return refused('it has a slash or a backslash');
  if (fileName.endsWith('.whl')) return wheelName(fileName.slice(0, -'.whl'.length));
  if (fileName.endsWith('.tar.gz')) return sourceName(fileName.slice(0, -'.tar.gz'.length), 'tar.gz');
  if (fileName.endsWith('.zip')) return sourceName(fileName.slice(0, -'.zip'.length), 'zip');
  if (/\.egg$/i.test(fileName)) return refused('it is an egg, which pip and uv no longer install');
  return refused('it is neither a wheel (.whl) nor a source distribution (.tar.gz, .zip)');
}

function wheelName(stem: string): WheelName | RefusedName {
  const parts = stem.split('-');
  if (parts.length !== 5 && parts.length !== 6) {
    return refused(
      'a wheel needs five or six parts between hyphens: name, version, build if any, and three tags',
    );
  }
  const [name = '', version = ''] = parts;
  const build = parts.length === 6 ? parts[2] : undefined;
  if (!isProjectName(name)) return refused(nameReason);
  // What PEP 440 does not know is kept, but nothing that could be markup or a path.
  if (!/^[\w.+!%~]+$/.test(version))
    return refused('its version is empty or has characters that no version has');
  if (build !== undefined && !/^\d[\w.+]*$/.test(build)) {
    return refused('its build tag does not begin with a digit, or has characters that no build tag has');
  }
  const tags = tagsOf(
    stem.slice(name.length + version.length + 2 + (build === undefined ? 0 : build.length + 1)),
  );
  if (tags === undefined) {
    return refused('a tag is empty or has characters beyond letters, digits and underscores');
  }
  const doubts: FileNameDoubt[] = [];
  if (name.includes('__')) doubts.push('double-underscore');
  if (parseVersion(version) === undefined) doubts.push('version-unknown');
  return {
    kind: 'wheel',
    name,
    project: normalizeProjectName(name),
    version,
    doubts,
    ...(build === undefined ? {} : { build }),
    ...tags,
  };
}

type WheelTags = Pick<WheelName, 'pythonTags' | 'abiTags' | 'platformTags'>;

/** Tags that were read: a bucket of a million wheels has some hundreds of combinations. */
const knownTags = new Map<string, WheelTags | undefined>();
const maxKnownTags = 10_000;

/** The tags that the end of a wheel's name has, `cp313-cp313-linux_x86_64`; undefined if one is none. */
function tagsOf(text: string): WheelTags | undefined {
  if (knownTags.has(text)) return knownTags.get(text);
  if (knownTags.size >= maxKnownTags) knownTags.clear();
  const [pythonTags = [], abiTags = [], platformTags = []] = text.split('-').map((tags) => tags.split('.'));
  const isRight = [pythonTags, abiTags, platformTags].every((tags) => tags.length > 0 && tags.every(isTag));
  const tags = isRight ? { pythonTags, abiTags, platformTags } : undefined;
  knownTags.set(text, tags);
  return tags;
}

/** The version is the shortest end after a hyphen that PEP 440 knows: names may have hyphens, and few versions do. */
function sourceName(stem: string, extension: 'tar.gz' | 'zip'): SourceDistributionName | RefusedName {
  for (let hyphen = stem.lastIndexOf('-'); hyphen > 0; hyphen = stem.lastIndexOf('-', hyphen - 1)) {
    const version = stem.slice(hyphen + 1);
    if (parseVersion(version) === undefined) continue;
    const name = stem.slice(0, hyphen);
    if (!isProjectName(name)) return refused(nameReason);
    return { kind: 'sdist', name, project: normalizeProjectName(name), version, doubts: [], extension };
  }
  return refused('no part of it after a hyphen is a version of PEP 440');
}

const nameReason =
  'its project name is empty, has characters beyond ASCII letters, digits, ".", "_" and "-", or begins or ends with one of the last three';

function isTag(tag: string): boolean {
  return /^\w+$/.test(tag);
}

function refused(reason: string): RefusedName {
  return { kind: 'refused', reason };
}
