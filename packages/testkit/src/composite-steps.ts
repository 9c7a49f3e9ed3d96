import type { WorkflowRun } from './workflow-run.ts';

/** The id of the step of `outputsStep`. */
const after = 'after';

/** A step, as YAML below `steps:`, that passes on every output of the earlier step `id` and lists the workspace, even after a failure. */
export function outputsStep(id: string): string {
  return `
      - id: ${after}
        if: always()
        env:
          OUTPUTS: \${{ toJSON(steps.${id}.outputs) }}
        run: |
          ls -A
          echo "outputs=$(echo "$OUTPUTS" | base64 -w0)" >> "$GITHUB_OUTPUT"
`;
}

/** The outputs that `outputsStep` passed on. */
export function outputsSeen({ jobs }: WorkflowRun, job: string): Readonly<Record<string, string>> {
  const encoded = jobs[job]?.steps[after]?.outputs['outputs'] ?? '';
  return JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as Record<string, string>;
}

/** The contents of the workspace that `outputsStep` listed. */
export function workspaceSeen({ jobs }: WorkflowRun, job: string): string {
  return jobs[job]?.steps[after]?.log ?? '';
}

/** The result of each step of a composite action that ran, by its id. */
export function compositeResults(
  { jobs }: WorkflowRun,
  job: string,
  composite: string,
  ids: readonly string[],
): Readonly<Record<string, string | undefined>> {
  const steps = jobs[job]?.steps ?? {};
  const ran = ids.filter((id) => steps[`${composite}/${id}`] !== undefined);
  return Object.fromEntries(ran.map((id) => [id, steps[`${composite}/${id}`]?.result]));
}
