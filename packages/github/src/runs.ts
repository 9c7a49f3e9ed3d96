/** A run of a workflow, as GitHub lists it. */
export interface WorkflowRun {
  readonly id: number;
  readonly workflowId: number;
  readonly title: string;
  readonly url: string;
  /** `completed`, or how far it is. */
  readonly status: string;
  /** How it ended; undefined while it has not. */
  readonly conclusion: string | undefined;
}

/** How the runs stand that a message started. */
export type RunStanding =
  | { readonly kind: 'absent' }
  | { readonly kind: 'running'; readonly run: WorkflowRun }
  | { readonly kind: 'ended'; readonly run: WorkflowRun; readonly conclusion: string };

/** The runs in a page of GitHub's list; malformed ones are left out. */
export function parseRuns(data: unknown): readonly WorkflowRun[] {
  const list = isObject(data) ? data['workflow_runs'] : undefined;
  return Array.isArray(list) ? list.flatMap((item) => parseRun(item) ?? []) : [];
}

function parseRun(item: unknown): WorkflowRun | undefined {
  if (!isObject(item)) return undefined;
  const { id, workflow_id: workflowId, display_title: title, html_url: url, status, conclusion } = item;
  if (typeof id !== 'number' || typeof workflowId !== 'number' || typeof title !== 'string') return undefined;
  if (typeof url !== 'string' || typeof status !== 'string') return undefined;
  return {
    id,
    workflowId,
    title,
    url,
    status,
    conclusion: typeof conclusion === 'string' ? conclusion : undefined,
  };
}

/** Whether a run's title names a message: the id stands in it, and is not a part of another word. */
export function isTitleOf(title: string, id: string): boolean {
  return title.split(/[^\w.-]+/).some((word) => word === id || withoutOuterMarks(word) === id);
}

/** A word without the dots and dashes around it, told in one look at it. */
function withoutOuterMarks(word: string): string {
  let end = word.length;
  while (end > 0 && '.-'.includes(word[end - 1] ?? '')) end -= 1;
  return word.slice(0, end).replace(/^[.-]+/, '');
}

/**
 * How the runs of one message stand together. A message can start a workflow twice when it was sent twice; the receiver
 * acts in one of these runs only, so one success is enough for a workflow. Every workflow must have one.
 */
export function standingOf(runs: readonly WorkflowRun[]): RunStanding {
  const byWorkflow = Map.groupBy(runs, ({ workflowId }) => workflowId);
  let last: RunStanding = { kind: 'absent' };
  let failed: RunStanding | undefined;
  for (const ofWorkflow of byWorkflow.values()) {
    const standing = standingOfWorkflow(ofWorkflow);
    if (standing.kind === 'running') return standing;
    if (standing.kind === 'ended' && standing.conclusion !== 'success') failed ??= standing;
    last = standing;
  }
  return failed ?? last;
}

function standingOfWorkflow(runs: readonly WorkflowRun[]): RunStanding {
  const succeeded = runs.find(({ conclusion }) => conclusion === 'success');
  if (succeeded !== undefined) return { kind: 'ended', run: succeeded, conclusion: 'success' };
  const open = runs.find(({ status }) => status !== 'completed');
  if (open !== undefined) return { kind: 'running', run: open };
  const [run] = runs;
  if (run === undefined) return { kind: 'absent' };
  return { kind: 'ended', run, conclusion: run.conclusion ?? 'unknown' };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
