import type { ProjectPage, RootPage } from './files.ts';
import { pageText, type ShownFile, shownFiles } from './page-files.ts';

const meta = { 'api-version': '1.4' } as const;

/** The JSON page of a project: PEP 691 with PEP 592, 700, 714 and 792. Has no time of its own, so it changes only with its files. */
export function renderProjectJson(page: ProjectPage): string {
  const files = shownFiles(page);
  return document({
    meta,
    name: page.project,
    ...(page.status === undefined
      ? {}
      : {
          'project-status': {
            status: page.status.status,
            ...(page.status.reason === undefined ? {} : { reason: pageText(page.status.reason) }),
          },
        }),
    versions: [...new Set(files.map(({ version }) => version))],
    files: files.map(fileEntry),
  });
}

/** The JSON page that lists the projects of a directory (PEP 691). */
export function renderRootJson(page: RootPage): string {
  return document({ meta, projects: [...new Set(page.projects)].sort().map((name) => ({ name })) });
}

function document(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

function fileEntry({ file, url, sha256, uploadTime }: ShownFile): object {
  const { metadata } = file;
  const requiresPython = file.requiresPython ?? metadata?.requiresPython;
  return {
    filename: file.fileName,
    url,
    hashes: sha256 === undefined ? {} : { sha256 },
    ...(requiresPython ? { 'requires-python': pageText(requiresPython) } : {}),
    ...(metadata === undefined
      ? {}
      : { 'core-metadata': metadata.sha256 === undefined ? true : { sha256: metadata.sha256 } }),
    // The specification knows no empty reason.
    ...(file.yanked === undefined ? {} : { yanked: file.yanked === '' ? true : pageText(file.yanked) }),
    ...(file.sizeBytes === undefined ? {} : { size: file.sizeBytes }),
    ...(uploadTime === undefined ? {} : { 'upload-time': uploadTime }),
  };
}
