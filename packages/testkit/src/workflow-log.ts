/** The useful fields of one line that act prints with `--json`. */
export interface WorkflowEntry {
  /** The id of the job; empty for what act says about the whole run. */
  readonly job: string;
  /** The ids of the step and, inside composite actions, of the steps in it: `release/publish`. Empty outside steps. */
  readonly step: string;
  readonly message: string;
  /** `success` or `failure`, on the line that a step or a job ends with. */
  readonly stepResult: string | undefined;
  readonly jobResult: string | undefined;
  /** What the step itself printed, rather than act. */
  readonly isOutput: boolean;
  /** Whether it registers a secret to mask: act repeats it in such a line, and nowhere else. */
  readonly isMask: boolean;
  /** An output that the step set. */
  readonly output: { readonly name: string; readonly value: string } | undefined;
  /** What the step wrote into its summary. */
  readonly summary: string | undefined;
}

export interface WorkflowStep {
  readonly result: string | undefined;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  /** What it and the steps in it printed. */
  readonly log: string;
}

export interface WorkflowJob {
  readonly result: string | undefined;
  /** The steps that ran, by their ids, in the order in which they began. Skipped ones are not included. */
  readonly steps: Readonly<Record<string, WorkflowStep>>;
  readonly log: string;
}

/** Parses a line that act printed. A line that is not JSON belongs to no job. */
export function parseWorkflowLine(line: string): WorkflowEntry {
  const fields = parseObject(line);
  if (fields === undefined) return { ...nobody, message: line };
  const text = (name: string): string | undefined => {
    const value = fields[name];
    return typeof value === 'string' ? value : undefined;
  };
  const stepId = fields['stepID'];
  // Every step, skipped ones too, also has lines and results of what runs before and after all steps.
  const isMain = text('stage') === 'Main';
  const name = text('name');
  return {
    job: text('jobID') ?? '',
    step: Array.isArray(stepId) && isMain ? stepId.map(String).join('/') : '',
    message: text('msg') ?? '',
    stepResult: isMain ? stepResultOf(fields['stepResult']) : undefined,
    jobResult: text('jobResult'),
    isOutput: fields['raw_output'] === true,
    isMask: text('command') === 'add-mask',
    output:
      text('command') === 'set-output' && name !== undefined ? { name, value: text('arg') ?? '' } : undefined,
    summary: text('command') === 'summary' ? text('content') : undefined,
  };
}

const nobody: WorkflowEntry = {
  job: '',
  step: '',
  message: '',
  stepResult: undefined,
  jobResult: undefined,
  isOutput: false,
  isMask: false,
  output: undefined,
  summary: undefined,
};

/** act prints its own enumeration: a number, or its name. */
function stepResultOf(value: unknown): string | undefined {
  if (typeof value === 'number') return ['success', 'failure', 'skipped'][value];
  return typeof value === 'string' ? value : undefined;
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

interface OpenStep {
  result: string | undefined;
  readonly outputs: Record<string, string>;
  readonly summary: string[];
  readonly log: string[];
}

interface OpenJob {
  result: string | undefined;
  readonly steps: Map<string, OpenStep>;
  readonly log: string[];
}

/** The jobs of a run by their ids, collected from its lines. The jobs of a matrix count as one, as in act. */
export function collectJobs(entries: readonly WorkflowEntry[]): Readonly<Record<string, WorkflowJob>> {
  const jobs = new Map<string, OpenJob>();
  for (const entry of entries.filter(({ job }) => job !== '')) {
    const job: OpenJob = jobs.get(entry.job) ?? { result: undefined, steps: new Map(), log: [] };
    jobs.set(entry.job, job);
    job.result = entry.jobResult ?? job.result;
    const line = entry.message.replace(/\r?\n$/, '');
    job.log.push(line);
    for (const id of withParents(entry.step)) {
      const step: OpenStep = job.steps.get(id) ?? { result: undefined, outputs: {}, summary: [], log: [] };
      job.steps.set(id, step);
      step.log.push(line);
      if (id !== entry.step) continue;
      step.result = entry.stepResult ?? step.result;
      if (entry.output !== undefined) step.outputs[entry.output.name] = entry.output.value;
      if (entry.summary !== undefined) step.summary.push(entry.summary);
    }
  }
  const closed = [...jobs].map(([id, { result, steps, log }]) => [
    id,
    { result, steps: Object.fromEntries([...steps].map(closeStep)), log: log.join('\n') },
  ]);
  return Object.fromEntries(closed) as Record<string, WorkflowJob>;
}

function closeStep([id, step]: readonly [string, OpenStep]): readonly [string, WorkflowStep] {
  return [id, { ...step, summary: step.summary.join(''), log: step.log.join('\n') }];
}

/** `a/b/c` is part of `a` and of `a/b`. */
function withParents(step: string): readonly string[] {
  const ids: readonly string[] = step === '' ? [] : step.split('/');
  return ids.map((_, index) => ids.slice(0, index + 1).join('/'));
}
