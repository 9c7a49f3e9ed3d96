import type { IndexedFile, ProjectPage } from './files.ts';
import { externalLink, linksFrom } from './page-links.ts';
import { normalizeVersion, versionOrder } from './versions.ts';

/** A file as a page shows it. */
export interface ShownFile {
  readonly file: IndexedFile;
  /** Percent-encoded; relative or absolute, without a fragment. */
  readonly url: string;
  /** Undefined if the page shows none. */
  readonly sha256: string | undefined;
  /** As PEP 440 writes it. */
  readonly version: string;
  /** Such as `2026-11-28T09:00:00Z` (PEP 700), with milliseconds if there are any; undefined outside the years 1970 to 9999. */
  readonly uploadTime: string | undefined;
}

/** The files of a page, lowest version first and then by name, so that the same files give the same bytes. */
export function shownFiles(page: ProjectPage): readonly ShownFile[] {
  // PEP 792: an index must not offer files of a project in quarantine.
  if (page.status?.status === 'quarantined') return [];
  const link = linksFrom(page.directory, page.links);
  return filesByVersion(page.files).flatMap((files) => {
    // Of several spellings, `1.0` and `1.0.0`, that of the first file: it does not depend on the order given.
    const version = normalizeVersion(files[0]?.version ?? '');
    const hasHashes =
      page.hashes !== 'omit' &&
      (page.hashes !== 'all-or-none' || files.every(({ sha256 }) => sha256 !== undefined));
    return files.map((file) => ({
      file,
      url: file.url === undefined ? link(file.key) : externalLink(file.url),
      version,
      sha256: hasHashes ? file.sha256 : undefined,
      uploadTime: uploadTime(file.uploadedAtMs),
    }));
  });
}

/**
 * Text of outside origin that both HTML and JSON can hold: U+FFFD in place of lone surrogates and of control characters
 * other than tabs and line ends.
 */
export function pageText(text: string): string {
  return text.toWellFormed().replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '\ufffd');
}

interface VersionFiles {
  readonly order: string;
  readonly files: IndexedFile[];
}

/** Versions from low to high, each with its files by name. Spellings of one version are together. */
function filesByVersion(files: readonly IndexedFile[]): readonly (readonly IndexedFile[])[] {
  const bySpelling = new Map<string, VersionFiles>();
  const byOrder = new Map<string, VersionFiles>();
  for (const file of files) {
    let group = bySpelling.get(file.version);
    if (group === undefined) {
      const order = versionOrder(file.version);
      group = byOrder.get(order) ?? { order, files: [] };
      byOrder.set(order, group);
      bySpelling.set(file.version, group);
    }
    group.files.push(file);
  }
  return [...byOrder.values()]
    .sort((a, b) => compareTexts(a.order, b.order))
    .map((group) =>
      group.files.sort((a, b) => compareTexts(a.fileName, b.fileName) || compareTexts(a.key, b.key)),
    );
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Beyond it, years have more than four digits, which ISO 8601 does not write without agreement. */
const endOfTimeMs = Date.UTC(10_000, 0);

function uploadTime(ms: number | undefined): string | undefined {
  if (ms === undefined || !(ms >= 0 && ms < endOfTimeMs)) return undefined;
  const time = new Date(ms).toISOString();
  return time.endsWith('.000Z') ? `${time.slice(0, -'.000Z'.length)}Z` : time;
}
