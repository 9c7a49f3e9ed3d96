import { counted, printable } from '@slipway/core';
import { relocationListOf } from './relocation-list.ts';
import { type ByteName, TarballFault, type TarEntry, type TarEntryKind } from './tar-header.ts';
import type { TarVisitor } from './tar-walk.ts';

/** The most a tarball may hold. The largest packages in Spack stay far below. */
export const tarballLimits = {
  entries: 1_000_000,
  /** Total length of the names of all entries, which stay in memory while a tarball is read. */
  nameBytes: 64 * 1024 * 1024,
  unpackedBytes: 64 * 1024 * 1024 * 1024,
  specFileBytes: 8 * 1024 * 1024,
  buildInfoBytes: 4 * 1024 * 1024,
} as const;

/** PATH_MAX and NAME_MAX of Linux. */
const maxPathBytes = 4096;
const maxSegmentBytes = 255;
const setIdBits = 0o6000;

/**
 * An empty segment, `.` or `..`; a slash at either end; a byte that file names cannot have or that Windows reads as a
 * slash.
 */
const suspiciousName = /(?:^|\/)\.{0,2}(?:\/|$)|[\0\\]/;

const buildInfoName = 'binary_distribution';
const buildInfoEnd = `.spack/${buildInfoName}`;
const specFileEnd = '/.spack/spec.json';

/** A directory that is only implied by an entry inside it. */
type SeenKind = TarEntryKind | 'implied';

/** A file whose content is kept unless it is too large. */
interface KeptFile {
  readonly name: ByteName;
  readonly sizeBytes: number;
  readonly chunks: Buffer[];
}

export type FoundSpecFile =
  | { readonly kind: 'found'; readonly json: Buffer }
  | { readonly kind: 'absent'; readonly why: string };

/**
 * The rules for what a tarball may hold: what Spack packs, and nothing that it would unpack outside the spec's prefix. Spack
 * does not filter (`_ensure_common_prefix` and `_tar_strip_component` in `binary_distribution.py`), so only these rules protect:
 *
 * - Every entry is below the prefix, or a directory on the way to it. As for Spack, the prefix is where the shortest
 *   `.spack/binary_distribution` is.
 * - No name leaves its directory, and none occurs twice.
 * - Entries are files, directories and links. A symbolic link may point anywhere, as Spack's do before relocation, but no
 *   entry lies below one; a hard link points to an earlier file.
 * - Files listed for rewriting after unpacking are in the tarball: see `relocationListOf`.
 * - Nothing directly in `PREFIX/.spack` is a link: Spack reads and writes files there by name, among them the list.
 * - `tarballLimits` hold.
 *
 * Set-user-ID and set-group-ID bits, which Spack removes when it packs, are only noted.
 */
export class TarballContents implements TarVisitor {
  readonly #kinds = new Map<ByteName, SeenKind>();
  #nameBytes = 0;
  #contentBytes = 0;
  #firstSetId: ByteName | undefined;
  #setIdCount = 0;
  #buildInfo: KeptFile | undefined;
  #spec: KeptFile | undefined;
  /** The file whose content comes next. */
  #kept: KeptFile | undefined;

  entry(entry: TarEntry): boolean {
    this.#admit(entry);
    if ((entry.mode & setIdBits) !== 0) {
      this.#firstSetId ??= entry.name;
      this.#setIdCount += 1;
    }
    if (entry.kind !== 'file') return false;
    const { name, sizeBytes } = entry;
    const kept: KeptFile = { name, sizeBytes, chunks: [] };
    this.#kept = kept;
    if (name.endsWith(buildInfoEnd) && isShorter(name, this.#buildInfo)) {
      this.#buildInfo = kept;
      return sizeBytes <= tarballLimits.buildInfoBytes;
    }
    if (!name.endsWith(specFileEnd) || !isShorter(name, this.#spec)) return false;
    this.#spec = kept;
    return sizeBytes <= tarballLimits.specFileBytes;
  }

  content(bytes: Buffer): void {
    // The stream may reuse its buffers after this call.
    this.#kept?.chunks.push(Buffer.from(bytes));
  }

  /** Warnings, which are not reasons to refuse the tarball. */
  warnings(): readonly TarballFault[] {
    if (this.#firstSetId === undefined) return [];
    const others =
      this.#setIdCount === 1 ? '' : ` and ${counted(this.#setIdCount - 1, 'other entry', 'other entries')}`;
    const what = `${shown(this.#firstSetId)}${others} would be installed with the set-user-ID or set-group-ID bit`;
    return [new TarballFault('tarball-setuid', what)];
  }

  /** The spec file that says whose files these are. Call it after all entries. Throws `TarballFault`. */
  finish(): FoundSpecFile {
    const prefix = this.#prefix();
    if (prefix === undefined) return { kind: 'absent', why: 'the tarball has no .spack/spec.json' };
    if (prefix === '')
      return { kind: 'absent', why: 'the files of the tarball are not in a directory of their own' };
    const below = `${prefix}/`;
    const metadata = `${below}.spack/`;
    for (const [name, kind] of this.#kinds) {
      if (isLink(kind) && name.startsWith(metadata) && !name.includes('/', metadata.length)) {
        throw new TarballFault(
          'tarball-metadata-link',
          `${shown(name)} is a ${kind}, but Spack reads and writes a file of that name`,
        );
      }
      if (name.startsWith(below) || (name === prefix && isDirectory(kind))) continue;
      if (isDirectory(kind) && below.startsWith(`${name}/`)) continue;
      throw new TarballFault(
        'tarball-outside-prefix',
        `${shown(name)} is not in the prefix of the package, ${shown(prefix)}`,
      );
    }
    this.#requireOwnRelocations(below, metadata);
    const spec = this.#spec;
    if (spec?.name !== `${prefix}${specFileEnd}`)
      return { kind: 'absent', why: `the tarball has no .spack/spec.json in its prefix, ${shown(prefix)}` };
    if (spec.sizeBytes > tarballLimits.specFileBytes) {
      throw new TarballFault(
        'tarball-spec-too-large',
        `${shown(spec.name)} has ${spec.sizeBytes} bytes, more than the ${tarballLimits.specFileBytes} that a spec may have`,
      );
    }
    return { kind: 'found', json: Buffer.concat(spec.chunks) };
  }

  /** Spack rewrites the listed files and would follow links and `..` on the way. */
  #requireOwnRelocations(below: ByteName, metadata: ByteName): void {
    const info = this.#buildInfo;
    if (info === undefined) return;
    const fault = (why: string): TarballFault =>
      new TarballFault('tarball-relocation-outside', `${shown(info.name)} ${why}`);
    if (info.name !== `${metadata}${buildInfoName}`)
      throw fault('is not in the prefix of the package, where Spack reads what to relocate');
    if (info.sizeBytes > tarballLimits.buildInfoBytes) throw fault('is too large');
    const list = relocationListOf(Buffer.concat(info.chunks).toString('utf8'));
    if (list === undefined) throw fault('does not list what to relocate in the form that Spack writes');
    const requireListed = (path: string, isRight: (kind: SeenKind | undefined) => boolean): void => {
      const name = `${below}${bytesOf(path)}`;
      if (!isRight(this.#kinds.get(name)))
        throw fault(`lists ${shown(name)}, which is not a file of that kind in the tarball`);
    };
    for (const path of list.files) requireListed(path, (kind) => kind === 'file' || kind === 'hardlink');
    for (const path of list.links) requireListed(path, (kind) => kind === 'symlink');
  }

  /**
   * The prefix as Spack finds it; without `binary_distribution`, which Spack needs to install, the directory of the spec.
   */
  #prefix(): ByteName | undefined {
    const name = (this.#buildInfo ?? this.#spec)?.name;
    if (name === undefined) return undefined;
    const segments = name.split('/');
    return segments.slice(0, -2).join('/');
  }

  #admit({ kind, name, target, sizeBytes }: TarEntry): void {
    checkName(name);
    if (kind === 'device')
      throw new TarballFault('tarball-device', `${shown(name)} is a device, a FIFO or a socket`);
    this.#nameBytes += name.length;
    this.#contentBytes += sizeBytes;
    if (
      this.#kinds.size >= tarballLimits.entries ||
      this.#nameBytes > tarballLimits.nameBytes ||
      this.#contentBytes > tarballLimits.unpackedBytes
    ) {
      throw tooLarge();
    }
    this.#requireDirectories(name);
    const known = this.#kinds.get(name);
    if (known !== undefined && !(known === 'implied' && kind === 'directory'))
      throw new TarballFault('tarball-duplicate', `${shown(name)} occurs twice in it`);
    this.#kinds.set(name, kind);
    if (kind === 'symlink') checkTarget(name, target);
    else if (kind === 'hardlink') this.#requireEarlierFile(name, target);
  }

  /** Spack would write whatever is below a link to wherever the link leads. */
  #requireDirectories(name: ByteName): void {
    for (let slash = name.lastIndexOf('/'); slash > 0; slash = name.lastIndexOf('/', slash - 1)) {
      const parent = name.slice(0, slash);
      const kind = this.#kinds.get(parent);
      if (kind === undefined) {
        this.#kinds.set(parent, 'implied');
        this.#nameBytes += parent.length;
        continue;
      }
      if (isDirectory(kind)) return;
      throw new TarballFault(
        'tarball-link-escape',
        `${shown(name)} is below ${shown(parent)}, which is a ${kind}`,
      );
    }
  }

  #requireEarlierFile(name: ByteName, target: ByteName): void {
    const kind = this.#kinds.get(target);
    if (kind === 'file' || (kind === 'hardlink' && target !== name)) return;
    throw new TarballFault(
      'tarball-link-escape',
      `${shown(name)} is a hard link to ${shown(target)}, which is not a file earlier in the tarball`,
    );
  }
}

export function tooLarge(): TarballFault {
  const { entries, unpackedBytes } = tarballLimits;
  return new TarballFault(
    'tarball-too-large',
    `it has more than ${entries} entries, or unpacks to more than ${unpackedBytes} bytes`,
  );
}

function isDirectory(kind: SeenKind): boolean {
  return kind === 'directory' || kind === 'implied';
}

function isLink(kind: SeenKind): boolean {
  return kind === 'symlink' || kind === 'hardlink';
}

function isShorter(name: ByteName, than: KeptFile | undefined): boolean {
  return than === undefined || name.length < than.name.length;
}

function checkName(name: ByteName): void {
  if (suspiciousName.test(name)) {
    const segments = name.split(/[/\\]/);
    if (segments.includes('..') || /^(?:[/\\]|[A-Za-z]:\\)/.test(name))
      throw new TarballFault('tarball-path-outside', `the name ${shown(name)} leads out of the prefix`);
    // Names of systemd units contain backslashes, so those alone are allowed.
    if (name.includes('\0') || name.split('/').some((segment) => segment === '' || segment === '.'))
      throw new TarballFault('tarball-name-invalid', `${shown(name)} is not a valid file name`);
  }
  if (name.length <= maxSegmentBytes) return;
  if (name.length > maxPathBytes || name.split('/').some((segment) => segment.length > maxSegmentBytes))
    throw new TarballFault('tarball-name-invalid', `the name ${shown(name)} is too long`);
}

function checkTarget(name: ByteName, target: ByteName): void {
  if (target !== '' && target.length <= maxPathBytes && !target.includes('\0')) return;
  throw new TarballFault(
    'tarball-name-invalid',
    `${shown(name)} is a link to something that is not a valid file name`,
  );
}

/** As Python decodes it: a byte that is not UTF-8 becomes a surrogate from U+DC80 to U+DCFF. */
function bytesOf(text: string): ByteName {
  const bytes = (character: string): ByteName => {
    const code = character.codePointAt(0) ?? 0;
    return code >= 0xdc80 && code <= 0xdcff
      ? String.fromCharCode(code - 0xdc00)
      : Buffer.from(character).toString('latin1');
  };
  return /^[\0-\x7f]*$/.test(text) ? text : Array.from(text, bytes).join('');
}

/** A name that is safe to print. */
function shown(name: ByteName): string {
  return `"${printable(Buffer.from(name, 'latin1').toString('utf8'), 200)}"`;
}
