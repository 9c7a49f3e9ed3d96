import { sentence, UserError } from '@slipway/core';
import { parseFileName } from './file-names.ts';
import type { IndexedFile, ProjectStatus } from './files.ts';
import { stateDirectory } from './state.ts';
import {
  Damage,
  decode,
  encode,
  hexOf,
  mapOf,
  numberOf,
  type ReadState,
  sortedObject,
  textOf,
  tuple,
} from './state-values.ts';

/** A file of another index. */
export interface ExternalFile extends IndexedFile {
  readonly url: string;
  /** Whether the other index no longer lists it. */
  readonly isDropped: boolean;
}

/** What is remembered of a project whose files are on another index. */
export interface ExternalState {
  /** The URL of the index. */
  readonly index: string;
  /** The ETag of the page that the files are from; null if it had none. */
  readonly etag: string | null;
  readonly status: ProjectStatus | null;
  /** By file name. */
  readonly files: ReadonlyMap<string, ExternalFile>;
}

const statuses: readonly ProjectStatus['status'][] = ['active', 'archived', 'quarantined', 'deprecated'];

/** The key of the document about a project, given its normalised name; only the first destination has it. */
export function externalKey(project: string): string {
  return `${stateDirectory}/external/${project}.json.gz`;
}

/** The URL of a file that a page may name: absolute, `http` or `https`, without a user name or password; else undefined. */
export function externalUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    return undefined;
  }
  url.hash = '';
  return url.href;
}

/**
 * The document about an external project. The same state always gives the same bytes, with one version of Node. Throws `UserError`
 * `too-large` for what no run could read again.
 */
export function encodeExternal({ index, etag, status, files }: ExternalState): Uint8Array {
  const bytes = encode({
    index,
    etag,
    status: status && [status.status, status.reason ?? null],
    files: sortedObject(files, encodeFile),
  });
  const read = decode(bytes, () => undefined);
  if (read.kind === 'read') return bytes;
  throw new UserError(
    'too-large',
    sentence(`A project of another index cannot be remembered: ${read.reason}`),
  );
}

/** Reads what `encodeExternal` writes for a project, and never throws. */
export function decodeExternal(bytes: Uint8Array, project: string): ReadState<ExternalState> {
  return decode(bytes, ({ index, etag, status, files }) => ({
    index: textOf(index),
    etag: orNull(etag, textOf),
    status: orNull(status, decodeStatus),
    files: new Map(
      [...mapOf(files, (file) => file)].map(([name, file]) => [name, decodeFile(file, name, project)]),
    ),
  }));
}

function encodeFile(file: ExternalFile): unknown {
  const { url, sizeBytes, uploadedAtMs, sha256, metadata, requiresPython, yanked, isDropped } = file;
  return [
    url,
    sizeBytes ?? null,
    uploadedAtMs ?? null,
    sha256 ?? null,
    metadata === undefined ? null : (metadata.sha256 ?? ''),
    requiresPython ?? null,
    yanked ?? null,
    isDropped ? 1 : 0,
  ];
}

function decodeFile(value: unknown, fileName: string, project: string): ExternalFile {
  const parsed = parseFileName(fileName);
  if (parsed.kind === 'refused' || parsed.project !== project) {
    throw new Damage('it has a file that is not of the project');
  }
  const [url, sizeBytes, uploadedAtMs, sha256, metadata, requiresPython, yanked, isDropped] = tuple(value, 8);
  if (externalUrl(textOf(url)) !== url) throw new Damage('it has a URL that no page may name');
  return {
    key: fileName,
    fileName,
    project,
    version: parsed.version,
    etag: '',
    modifiedAtMs: 0,
    url: textOf(url),
    sizeBytes: optional(sizeBytes, numberOf),
    uploadedAtMs: optional(uploadedAtMs, numberOf),
    sha256: optional(sha256, hexOf),
    metadata: metadata === null ? undefined : { sha256: metadata === '' ? undefined : hexOf(metadata) },
    requiresPython: optional(requiresPython, textOf),
    yanked: optional(yanked, textOf),
    isDropped: numberOf(isDropped) === 1,
  };
}

function decodeStatus(value: unknown): ProjectStatus {
  const [name, reason] = tuple(value, 2);
  const status = statuses.find((one) => one === name);
  if (status === undefined) throw new Damage('it has a status that is not known');
  return { status, ...(reason === null ? {} : { reason: textOf(reason) }) };
}

function orNull<T>(value: unknown, decodeOne: (value: unknown) => T): T | null {
  return value === null ? null : decodeOne(value);
}

function optional<T>(value: unknown, decodeOne: (value: unknown) => T): T | undefined {
  return value === null ? undefined : decodeOne(value);
}
