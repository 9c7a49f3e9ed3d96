import { printable } from '@slipway/core';
import {
  type ExternalConfiguration,
  type ExternalFile,
  type ExternalProject,
  type ExternalState,
  externalUrl,
  type IndexFinding,
  indexFinding,
  maxTextCharacters,
  parseFileName,
  type ReadFile,
  type ReadProjectPage,
} from '@slipway/simple-index';

const maxReasonCharacters = 500;

export interface ExternalReading {
  readonly state: ExternalState;
  /** Files that the page has and ours does not, because clients could not use them, or should not. */
  readonly findings: readonly IndexFinding[];
}

/** What is to be remembered of a page. Files that no client takes, such as eggs and those of other projects, are not in it. */
export function externalState(
  { index, etag }: Pick<ExternalState, 'index' | 'etag'>,
  project: string,
  page: ReadProjectPage,
): ExternalReading {
  const files = new Map<string, ExternalFile>();
  const findings: IndexFinding[] = [];
  for (const file of page.files) {
    const parsed = parseFileName(file.fileName);
    if (parsed.kind === 'refused' || parsed.project !== project) continue;
    const url = externalUrl(file.url);
    const problem =
      url === undefined ? 'its URL is not one of http or https without a user' : longText(file, url);
    if (url === undefined || problem !== undefined) {
      findings.push(indexFinding('external-file', `it is left out: ${problem}`, printable(file.fileName)));
    } else files.set(file.fileName, externalFile(file, url, project, parsed.version));
  }
  const { status } = page;
  const reason = status?.reason === undefined ? {} : { reason: reasonOf(status.reason) };
  return {
    state: { index, etag, status: status === undefined ? null : { status: status.status, ...reason }, files },
    findings,
  };
}

/**
 * What is remembered after a page was read: its files and, if the configuration retains them, those that were there before.
 * A file under a name that the page has is the one of the page.
 */
export function withDropped(
  fresh: ExternalState,
  before: ExternalState | undefined,
  { retain }: Pick<ExternalConfiguration, 'retain'>,
): ExternalState {
  if (!retain || before?.index !== fresh.index) return fresh;
  const files = new Map(fresh.files);
  for (const [name, file] of before.files)
    if (!files.has(name)) files.set(name, { ...file, isDropped: true });
  return { ...fresh, files };
}

/** What pages show of what is remembered. */
export function shownProject(
  { files, status }: ExternalState,
  { retain }: Pick<ExternalConfiguration, 'retain'>,
): ExternalProject {
  return {
    files: [...files.values()].filter(({ isDropped }) => retain || !isDropped),
    status: status ?? undefined,
  };
}

function externalFile(file: ReadFile, url: string, project: string, version: string): ExternalFile {
  const { fileName, hashes, metadataHashes, requiresPython, sizeBytes, uploadedAtMs, yanked } = file;
  return {
    key: fileName,
    fileName,
    project,
    version,
    etag: '',
    modifiedAtMs: 0,
    url,
    sizeBytes,
    uploadedAtMs: uploadedAtMs !== undefined && uploadedAtMs >= 0 ? uploadedAtMs : undefined,
    sha256: hashes.get('sha256'),
    metadata: metadataHashes && { sha256: metadataHashes.get('sha256') },
    requiresPython: requiresPython?.toWellFormed(),
    yanked: yanked === undefined ? undefined : reasonOf(yanked),
    isDropped: false,
  };
}

function longText({ requiresPython = '' }: ReadFile, url: string): string | undefined {
  if (url.length > maxTextCharacters) return `its URL has more than ${maxTextCharacters} characters`;
  // Without it, the file would be offered to every Python.
  if (requiresPython.length > maxTextCharacters)
    return `its Requires-Python has more than ${maxTextCharacters} characters`;
  return undefined;
}

function reasonOf(text: string): string {
  return text.slice(0, maxReasonCharacters).toWellFormed();
}
