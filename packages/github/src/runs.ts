/** A workflow run, as GitHub lists it. */
export interface WorkflowRun {
  readonly id: number;
  readonly workflowId: number;
  readonly title: string;
  readonly url: string;
  /** `completed`, or its progress. */
  readonly status: string;
  /** How it ended; undefined until then. */
  readonly conclusion: string | undefined;
}

/** The combined state of the runs that a message started. */
export type RunState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'running'; readonly run: WorkflowRun }
  | { readonly kind: 'ended'; readonly run: WorkflowRun; readonly conclusion: string };

/** The runs in a page of GitHub's list; skips malformed ones. */
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

/** Whether a run's title contains a message's id as a word of its own. */
export function isTitleOf(title: string, id: string): boolean {
  return title.split(/[^\w.-]+/).some((word) => word === id || withoutOuterMarks(word) === id);
}

/** A word without surrounding dots and dashes, in linear time. */
function withoutOuterMarks(word: string): string {
  let end = word.length;
  while (end > 0 && '.-'.includes(word[end - 1] ?? '')) end -= 1;
  return word.slice(0, end).replace(/^[.-]+/, '');
}

/**
 * The combined state of the runs of one message. A message that was sent twice can start a workflow twice; the receiver acts in
 * only one of these runs, so one success per workflow is enough. Every workflow must have one.
 */
export function stateOfRuns(runs: readonly WorkflowRun[]): RunState {
  const byWorkflow = Map.groupBy(runs, ({ workflowId }) => workflowId);
  let last: RunState = { kind: 'absent' };
  let failed: RunState | undefined;
  for (const ofWorkflow of byWorkflow.values()) {
    const state = stateOfWorkflow(ofWorkflow);
    if (state.kind === 'running') return state;
    if (state.kind === 'ended' && state.conclusion !== 'success') failed ??= state;
    last = state;
  }
  return failed ?? last;
}

function stateOfWorkflow(runs: readonly WorkflowRun[]): RunState {
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
