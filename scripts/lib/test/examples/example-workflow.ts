import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  artifactActionDoubles,
  copyOfRelease,
  type DocumentBlock,
  documentBlock,
  type Replacements,
  runWorkflow,
  temporaryDirectory,
  type WorkflowRun,
  type WorkflowRunOptions,
  withReplacements,
} from '@slipway/testkit';
import { parse } from 'yaml';
import { interfacesOf, yamlTexts } from '../../workflow-lint.ts';
import { root } from '../../workspace.ts';

export type Step = Readonly<Record<string, unknown>>;
type Job = Readonly<Record<string, unknown>> & { readonly steps?: readonly Step[] };
interface Workflow {
  readonly jobs: Readonly<Record<string, Job>>;
  readonly [field: string]: unknown;
}

const path = '.github/workflows/example.yml';
const interfaces = interfacesOf(yamlTexts(root));

/** `actions/checkout`; the runner copies the files of the repository instead. */
export const checkout: Step = { uses: 'actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1' };

export interface ExampleOptions extends Partial<Omit<WorkflowRunOptions, 'workflow'>> {
  /** The actions that the blocks use, as `copyOfRelease` takes them. */
  readonly actions: readonly string[];
  readonly replacements?: Replacements;
  /** Steps before those of the block in each job, for a block that is part of a workflow. */
  readonly before?: readonly Step[];
  /** Where the services are: inputs for every action of this repository that declares them and does not get them otherwise. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Changes the whole workflow for the runner. */
  readonly arranged?: (workflow: Workflow) => Workflow;
}

/** The steps that a block shows, alone or as a part of a workflow. */
export function stepsOfBlock(name: string, replacements: Replacements = {}): readonly Step[] {
  return Object.values(workflowOf(documentBlock(name), replacements).jobs).flatMap(({ steps = [] }) => steps);
}

/** The jobs that a block shows. */
export function jobsOfBlock(name: string, replacements: Replacements = {}): Workflow['jobs'] {
  return workflowOf(documentBlock(name), replacements).jobs;
}

/** A block as a workflow; a part of one is completed. */
function workflowOf(block: DocumentBlock, replacements: Replacements): Workflow {
  const document: unknown = parse(withReplacements(block.text, replacements));
  if (Array.isArray(document)) return { on: 'push', jobs: { example: { steps: document } } };
  const fields = document as Readonly<Record<string, unknown>>;
  if ('jobs' in fields) return { on: 'push', ...fields } as unknown as Workflow;
  const { steps, ...others } = fields;
  if (!Array.isArray(steps)) throw new Error(`${block.name} has no steps`);
  return { on: 'push', ...others, jobs: { example: { steps } } };
}

/** Runs a block, or jobs from several blocks, in the workflow runner, against services on this machine. */
export function runExample(
  example: string | Workflow['jobs'],
  { actions, replacements = {}, before = [], inputs = {}, arranged, ...options }: ExampleOptions,
): Promise<WorkflowRun> {
  const shown =
    typeof example === 'string'
      ? workflowOf(documentBlock(example), replacements)
      : { on: 'push', jobs: example };
  const jobs = Object.entries(shown.jobs).map(([id, job]) => {
    const steps = [...before, ...(job.steps ?? [])].map((step) => addressed(step, inputs));
    return [id, { ...job, 'runs-on': 'ubuntu-latest', steps }] as const;
  });
  const whole = { ...shown, jobs: Object.fromEntries(jobs) };
  const workflow = JSON.stringify(arranged?.(whole) ?? whole, undefined, 2);
  const names = [...workflow.matchAll(/"uses": "(actions\/(?:up|down)load-artifact@[^"]+)"/g)].map(
    ([, name = '']) => `uses: ${name}`,
  );
  return runWorkflow({
    event: { name: 'push' },
    ...options,
    workflow: path,
    files: { ...options.files, [path]: workflow },
    repositories: {
      ...copyOfRelease(actions).repositories,
      ...artifactActionDoubles(...names),
      ...options.repositories,
    },
  });
}

/** A step, with the inputs that say where services are if it uses an action of this repository. */
function addressed(step: Step, inputs: Readonly<Record<string, string>>): Step {
  const name = /^your-org\/slipway\/(actions\/[\w-]+)@/.exec(String(step['uses']))?.[1];
  if (name === undefined) return step;
  const declared = interfaces.get(name)?.inputs ?? {};
  const own =
    name === 'actions/cloudfront-invalidate'
      ? {
          'endpoint-url': inputs['cloudfront-endpoint-url'],
          'destination-endpoint-url': inputs['endpoint-url'],
        }
      : {};
  const known = Object.entries({ ...inputs, ...own }).filter(
    ([input, value]) => input in declared && value !== undefined,
  );
  return { ...step, with: { ...Object.fromEntries(known), ...(step['with'] as object) } };
}

/** A directory that stands for a repository of actions: each `action.yml` by its path there. */
export function actionsDouble(actions: Readonly<Record<string, unknown>>): string {
  const directory = temporaryDirectory('actions-double');
  for (const [place, action] of Object.entries(actions)) {
    const file = join(directory, place, 'action.yml');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(action));
  }
  return directory;
}
