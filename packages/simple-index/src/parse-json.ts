import { JsonError, parseStrictJson, printable } from '@slipway/core';
import { parseFileName } from './file-names.ts';
import type { PageValues } from './page-values.ts';
import { isProjectName } from './project-name.ts';
import {
  type PageLimits,
  type ReadFile,
  type ReadProjectPage,
  type ReadRootPage,
  UnreadablePage,
} from './read-page.ts';
import { versionOrder } from './versions.ts';

const maxDepth = 32;

type JsonObject = Readonly<Record<string, unknown>>;

/** Throws `UnreadablePage`. */
export function parseProjectJson(bytes: Uint8Array, values: PageValues, limits: PageLimits): ReadProjectPage {
  const page = parseJsonPage(bytes);
  const apiVersion = versionOf(page, values);
  const files = listOf(page, 'files', limits)
    .map((entry) => fileOf(entry, values))
    .filter((file) => file !== undefined);
  const { name } = page;
  if (typeof name !== 'string') values.report('page-value', 'the page does not say the name of its project');
  const projectStatus = isObject(page['project-status']) ? page['project-status'] : {};
  const status = values.status(projectStatus['status'], projectStatus['reason']);
  const versions = page['versions'] === undefined ? undefined : texts(listOf(page, 'versions', limits));
  if (versions !== undefined) reportUnlisted(files, versions, values);
  return {
    apiVersion,
    ...(typeof name === 'string' ? { name } : {}),
    ...(status === undefined ? {} : { status }),
    ...(versions === undefined ? {} : { versions }),
    files,
  };
}

/** Throws `UnreadablePage`. */
export function parseRootJson(bytes: Uint8Array, values: PageValues, limits: PageLimits): ReadRootPage {
  const page = parseJsonPage(bytes);
  const apiVersion = versionOf(page, values);
  const names = texts(
    listOf(page, 'projects', limits).map((entry) => (isObject(entry) ? entry['name'] : undefined)),
  );
  const projects = names.filter(isProjectName);
  if (projects.length < listOf(page, 'projects', limits).length) {
    values.report('page-value', 'an entry of the list of projects does not have a valid name');
  }
  return { apiVersion, projects };
}

function parseJsonPage(bytes: Uint8Array): JsonObject {
  try {
    const page = parseStrictJson(bytes, maxDepth);
    if (isObject(page)) return page;
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new UnreadablePage(`it is not JSON as every reader understands it: ${printable(error.message)}`);
  }
  throw new UnreadablePage('it is not a JSON object');
}

function versionOf(page: JsonObject, values: PageValues): string {
  const version = isObject(page['meta']) ? page['meta']['api-version'] : undefined;
  return values.apiVersion(typeof version === 'string' ? version : undefined);
}

function listOf(page: JsonObject, key: string, { maxEntries }: PageLimits): readonly unknown[] {
  const list = page[key];
  if (!Array.isArray(list)) throw new UnreadablePage(`its "${key}" is not a list`);
  if (list.length > maxEntries) throw new UnreadablePage(`its "${key}" has more than ${maxEntries} entries`);
  return list;
}

function fileOf(entry: unknown, values: PageValues): ReadFile | undefined {
  if (!isObject(entry) || typeof entry['url'] !== 'string' || typeof entry['filename'] !== 'string') {
    values.report('page-link', 'an entry of the list of files has no "url" or no "filename"');
    return undefined;
  }
  const fileName = entry['filename'];
  const url = values.link(entry['url']);
  const lastSegment = url && values.lastSegment(url);
  if (url === undefined || lastSegment === undefined) return undefined;
  if (lastSegment !== fileName) {
    values.report(
      'page-name',
      `its URL ends in "${printable(lastSegment, 100)}", which pip takes for its name`,
      fileName,
    );
  }
  url.hash = '';
  const report = (field: string): void =>
    values.report('page-value', `its "${field}" does not have the form of PEP 691`, fileName);
  const hashes = isObject(entry['hashes'])
    ? values.hashes(Object.entries(entry['hashes']), fileName)
    : new Map<string, string>();
  if (!isObject(entry['hashes'])) report('hashes');
  values.fileSeen(fileName);
  return {
    fileName,
    url: url.href,
    hashes,
    ...requirement(entry['requires-python'], report),
    ...metadataOf(entry, fileName, values, report),
    ...yankedOf(entry['yanked'], fileName, values, report),
    ...sizeOf(entry['size'], report),
    ...timeOf(entry['upload-time'], fileName, values, report),
  };
}

/** PEP 700: each file belongs to one of the versions. */
function reportUnlisted(files: readonly ReadFile[], versions: readonly string[], values: PageValues): void {
  const listed = new Set(versions.map(versionOrder));
  for (const { fileName } of files) {
    const parsed = parseFileName(fileName);
    if (parsed.kind === 'refused' || listed.has(versionOrder(parsed.version))) continue;
    values.report(
      'page-version-unlisted',
      `its version ${parsed.version} is not among the versions of the page`,
      fileName,
    );
  }
}

type Report = (field: string) => void;

function requirement(value: unknown, report: Report): Pick<ReadFile, 'requiresPython'> {
  if (typeof value === 'string') return value === '' ? {} : { requiresPython: value };
  if (value !== undefined && value !== null) report('requires-python');
  return {};
}

/** PEP 714: the older name counts only where the newer one is missing. */
function metadataOf(
  entry: JsonObject,
  fileName: string,
  values: PageValues,
  report: Report,
): Pick<ReadFile, 'metadataHashes'> {
  const value = entry['core-metadata'] ?? entry['dist-info-metadata'] ?? false;
  if (value === true) return { metadataHashes: new Map() };
  if (isObject(value))
    return { metadataHashes: values.hashes(Object.entries(value), `${fileName}.metadata`) };
  if (value !== false) report('core-metadata');
  return {};
}

function yankedOf(
  value: unknown,
  fileName: string,
  values: PageValues,
  report: Report,
): Pick<ReadFile, 'yanked'> {
  if (value === true) return { yanked: '' };
  if (value === '') {
    values.report(
      'page-yanked',
      'its "yanked" is empty text: pip does not take it for yanked, uv does',
      fileName,
    );
  }
  if (typeof value === 'string') return { yanked: value };
  if (value !== false && value !== undefined && value !== null) report('yanked');
  return {};
}

function sizeOf(value: unknown, report: Report): Pick<ReadFile, 'sizeBytes'> {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return { sizeBytes: value };
  if (value !== undefined && value !== null) report('size');
  return {};
}

function timeOf(
  value: unknown,
  fileName: string,
  values: PageValues,
  report: Report,
): Pick<ReadFile, 'uploadedAtMs'> {
  if (typeof value === 'string') {
    const uploadedAtMs = values.uploadedAtMs(value, fileName);
    return uploadedAtMs === undefined ? {} : { uploadedAtMs };
  }
  if (value !== undefined && value !== null) report('upload-time');
  return {};
}

function texts(values: readonly unknown[]): readonly string[] {
  return values.filter((value) => typeof value === 'string');
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
