import { gunzipSync } from 'node:zlib';
import {
  asSlipwayError,
  mapConcurrently,
  type ObjectStore,
  RemoteError,
  type SlipwayError,
  UserError,
} from '@slipway/core';
import {
  type ExternalConfiguration,
  type ExternalProject,
  type IndexConfiguration,
  type IndexedFile,
  isBelow,
  type PageSource,
  type PrefixState,
  parseFileName,
  parseProjectPage,
  type ReadFile,
} from '@slipway/simple-index';
import { maxPageBytes } from './destinations.ts';

const concurrentRequests = 8;
const accept = 'application/vnd.pypi.simple.v1+json';
/** Nobody has this name: links below it are relative ones. */
const nowhere = 'https://page.invalid/';

/** An answer to a GET, after redirects. */
export interface FetchedPage {
  readonly status: number;
  readonly contentType: string;
  /** Where it came from in the end: relative links start here. */
  readonly url: string;
  /** Without content encoding. */
  readonly bytes: Uint8Array;
}

/** How pages of other indexes are read. Throws for what is no answer, and beyond `maxBytes`. */
export type PageFetch = (
  url: string,
  options: { readonly accept: string; readonly maxBytes: number },
) => Promise<FetchedPage>;

export interface ExternalFailure {
  /** Normalised. */
  readonly project: string;
  readonly error: SlipwayError;
}

export interface ExternalProjects {
  /** By normalised name. */
  readonly projects: ReadonlyMap<string, ExternalProject>;
  /** Projects whose pages stay as they are. */
  readonly failures: readonly ExternalFailure[];
}

/** The pages of a destination, where files are found that another index has dropped. */
export interface RetainedPages {
  readonly store: ObjectStore;
  readonly states: ReadonlyMap<string, PrefixState>;
}

/**
 * Reads the projects whose files stay on another index, from its JSON (PEP 691 and 700): hashes, sizes, times, metadata and what is
 * yanked. With `retain`, files that our page has and the index no longer has stay. A project that cannot be read is a failure of its
 * own: never half of its files.
 */
export async function readExternalProjects(
  configuration: IndexConfiguration,
  fetchPage: PageFetch,
  retained: RetainedPages | undefined,
): Promise<ExternalProjects> {
  const projects = new Map<string, ExternalProject>();
  const failures: ExternalFailure[] = [];
  const wanted = configuration.external.flatMap((external) =>
    external.names.map((project) => ({ external, project })),
  );
  await mapConcurrently(wanted, concurrentRequests, async ({ external, project }) => {
    try {
      const { files, status } = await readProject(external, project, fetchPage);
      const names = new Set(files.map(({ fileName }) => fileName));
      const before = external.retain && retained ? await retainedFiles(external, project, retained) : [];
      const kept = before.filter(({ fileName }) => !names.has(fileName));
      projects.set(project, { files: [...files, ...kept], status });
    } catch (error) {
      failures.push({ project, error: asSlipwayError(error) });
    }
  });
  return { projects, failures: failures.sort((a, b) => (a.project < b.project ? -1 : 1)) };
}

async function readProject(
  { index }: ExternalConfiguration,
  project: string,
  fetchPage: PageFetch,
): Promise<ExternalProject> {
  const url = new URL(`${encodeURIComponent(project)}/`, index).href;
  const page = await fetchPage(url, { accept, maxBytes: maxPageBytes });
  if (page.status !== 200)
    throw new RemoteError('unexpected-response', `${url}: the server answered ${page.status}.`);
  if (!/^application\/vnd\.pypi\.simple\.(?:v1|latest)\+json(?:;|$)/i.test(page.contentType))
    throw new RemoteError('unexpected-response', `${url}: the index has no JSON (PEP 691).`);
  return projectOf({ url: page.url, format: 'json', bytes: page.bytes }, project);
}

function projectOf(source: PageSource, project: string): ExternalProject {
  const { page, findings } = parseProjectPage(source);
  if (page === undefined)
    throw new UserError('content-invalid', `${source.url}: ${findings[0]?.message ?? 'it cannot be read'}`);
  return { files: page.files.flatMap((file) => indexedFile(file, project, source.url)), status: page.status };
}

/** A file as our pages show it; nothing for names that no client takes. */
function indexedFile(file: ReadFile, project: string, where: string): readonly IndexedFile[] {
  const { fileName, url, sizeBytes, metadataHashes } = file;
  const name = parseFileName(fileName);
  if (name.kind === 'refused' || name.project !== project || new URL(url).href.startsWith(nowhere)) return [];
  if (sizeBytes === undefined)
    throw new UserError('content-invalid', `${where}: its files have no sizes (PEP 700)`);
  return [
    {
      key: fileName,
      fileName,
      project,
      version: name.version,
      url,
      sizeBytes,
      etag: '',
      // Not a time if it is not known: then pages have none.
      uploadedAtMs: file.uploadedAtMs ?? Number.NaN,
      modifiedAtMs: 0,
      sha256: file.hashes.get('sha256'),
      metadata: metadataHashes && { sha256: metadataHashes.get('sha256') },
      requiresPython: file.requiresPython,
      yanked: file.yanked,
    },
  ];
}

/** The files of our own page of a project, which is the same in every directory. */
async function retainedFiles(
  { prefixes }: ExternalConfiguration,
  project: string,
  { store, states }: RetainedPages,
): Promise<readonly IndexedFile[]> {
  for (const name of ['index.json', '']) {
    for (const [pages, state] of states) {
      if (prefixes?.includes(pages) === false) continue;
      const ending = `/${project}/${name}`;
      const key = [...state.pages.keys()].find((one) => `/${one}`.endsWith(ending) && isBelow(one, pages));
      const stored = key === undefined ? undefined : await store.read(key, { maxBytes: maxPageBytes });
      if (stored === undefined) continue;
      const bytes = unpacked(stored.body);
      // A slash key may have HTML, which does not tell everything.
      if (bytes[0] === 0x7b) return projectOf({ url: nowhere, format: 'json', bytes }, project).files;
    }
  }
  return [];
}

function unpacked(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
    ? gunzipSync(bytes, { maxOutputLength: maxPageBytes })
    : bytes;
}
