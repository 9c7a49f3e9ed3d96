import { counted, type ProgressPort, printable } from '@slipway/core';
import { listIndex } from '@slipway/index-building';
import type { ActionContext, ActionResult } from '@slipway/runner';
import { FileSelector } from '@slipway/simple-index';
import type { Request } from './configuration.ts';
import type { Inputs } from './inputs.ts';
import { type ListedPrefix, listedPrefixes, prefixName } from './prefixes.ts';
import { reportListing } from './report-listing.ts';
import { openStores } from './stores.ts';

const maxPrintedProjects = 500;
export const maxFiles = 5_000_000;

/** Lists the source and tells what pages would show. Reads no page and writes nothing. Throws what the source throws. */
export async function list(request: Request, given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { progress, clock } = context;
  const startedMs = clock.nowMs();
  const { source } = await openStores(
    { ...request, configuration: { ...request.configuration, destinations: [] } },
    given,
    context,
  );
  progress.start('list the source');
  const selector = new FileSelector(request.configuration);
  await listIndex(source, selector, {
    directories: request.configuration.prefixes.map(({ files }) => files),
    splits: [],
    maxFiles,
    onFiles: (count) => progress.advance(count),
  });
  const selection = selector.finish();
  const prefixes = listedPrefixes(selection);
  for (const prefix of prefixes) describe(prefix, progress);
  return reportListing({
    source: source.url,
    objects: selection.objects,
    prefixes,
    findings: selection.findings.list(),
    findingCounts: selection.findings.counts(),
    reportPath: given.report,
    durationMs: clock.nowMs() - startedMs,
  });
}

function describe(
  { prefix, kind, files, projects, directories }: ListedPrefix,
  progress: ProgressPort,
): void {
  const what = kind === 'listing' ? '' : ` of ${counted(projects.length, 'project')}`;
  const where = counted(directories.length, 'directory with pages', 'directories with pages');
  progress.info(`${printable(prefixName(prefix))}: ${counted(files, 'file')}${what}, ${where}`);
  if (kind === 'listing') return;
  for (const project of projects.slice(0, maxPrintedProjects)) {
    const hidden = project.hiddenFiles === 0 ? '' : `, ${project.hiddenFiles} not shown`;
    progress.info(
      `  ${project.name}: ${counted(project.files, 'file')}, ${counted(project.versions, 'version')}, latest ${printable(project.latest)}${hidden}`,
    );
  }
  if (projects.length > maxPrintedProjects) {
    progress.info(
      `  and ${counted(projects.length - maxPrintedProjects, 'more project')}: the report has all.`,
    );
  }
}
