import { type Artifact, artifactsText } from '@slipway/core';
import type { OutputDeclaration, ResultFile, SummaryBlock } from './declaration.ts';

/** Facts as a table of two columns, the first of them as its head. */
export function factsSummary(facts: readonly (readonly [string, string])[]): SummaryBlock {
  const [head = ['', ''], ...rows] = facts;
  return { kind: 'table', head, rows };
}

/** The JSON report of a run, as every action writes it. */
export function reportFile(
  action: string,
  path: string | undefined,
  body: Readonly<Record<string, unknown>>,
): ResultFile {
  const contents = `${JSON.stringify({ action, reportVersion: 1, ...body }, null, 2)}\n`;
  return { output: 'report', path, defaultName: `${action}-report.json`, contents };
}

/** The list of artifacts that the next step takes, as the output `artifacts` names it. */
export function artifactsFile(defaultName: string, artifacts: readonly Artifact[]): ResultFile {
  return { output: 'artifacts', path: undefined, defaultName, contents: artifactsText(artifacts) };
}

/** The output that every action has. */
export const reportOutput = {
  description: 'Path of the JSON report.',
  kind: 'file',
} as const satisfies OutputDeclaration;
