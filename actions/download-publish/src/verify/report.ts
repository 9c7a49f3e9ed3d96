import { counted } from '@slipway/core';
import type { ActionResult } from '@slipway/runner';
import { linksIn } from '../link-list.ts';
import type { FileOperation } from '../operation.ts';
import { fileTable, result, table, titleOf, windowTable } from '../report.ts';
import { currentWindow } from '../window-times.ts';
import type { Verified } from './verify.ts';

export function reportVerify(
  { given, rules, files, addresses }: FileOperation,
  { clocks, plan, proofs, findings, failure }: Verified,
): ActionResult {
  const links = failure === undefined ? linksIn(currentWindow(clocks, rules), files, addresses) : [];
  const run = { given, clocks, windows: plan.windows, links, findings, failure };
  const toServe = plan.steps.filter(({ kind }) => kind === 'prove-served').length;
  const proven = (proofs ?? []).filter(
    ({ step, served }) => step.kind === 'prove-served' && served.kind === 'fresh',
  ).length;
  const findingRows = findings.map(({ code, message, key = '' }) => [code, message, key]);
  return result(run, titleOf(run, 'Downloads are served', 'Downloads are not served correctly'), {
    outputs: { proven },
    body: { plan, proofs, findings },
    facts: [
      ['Stored correctly', counted(plan.soundObjects, 'object')],
      ['Served', `${proven} of ${counted(toServe, 'link')}`],
      ['Requested, must be refused', counted(plan.steps.length - toServe, 'link')],
    ],
    tables: [
      ...(findings.length === 0 ? [] : [table(['Code', 'What', 'Where'], findingRows)]),
      windowTable(run),
      ...fileTable(links),
    ],
  });
}
