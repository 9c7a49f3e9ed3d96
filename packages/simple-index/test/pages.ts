import type { IndexedFile, ProjectPage } from '../src/index.ts';

/** Made up, but of the right form. */
export const sums = { file: 'a1'.repeat(32), metadata: 'b2'.repeat(32) } as const;

export function indexedFile(key: string, more: Partial<IndexedFile> = {}): IndexedFile {
  const fileName = key.slice(key.lastIndexOf('/') + 1);
  const [name = '', version = ''] = fileName.split('-');
  return {
    key,
    sizeBytes: 1000,
    etag: '"etag"',
    modifiedAtMs: Date.UTC(2026, 10, 28, 9),
    fileName,
    project: name.toLowerCase().replaceAll(/[._-]+/g, '-'),
    version,
    uploadedAtMs: Date.UTC(2026, 10, 27, 8, 30, 15),
    ...more,
  };
}

export function projectPage(files: readonly IndexedFile[], more: Partial<ProjectPage> = {}): ProjectPage {
  return {
    project: 'torch',
    directory: 'whl/cu118/torch',
    files,
    links: { kind: 'relative' },
    hashes: 'available',
    ...more,
  };
}
