import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { blocksOf, documentPaths } from '@slipway/testkit';
import { parseDocument } from 'yaml';

/** YAML of the repository: a file, or a block in a document. */
export interface YamlText {
  /** Where it is, such as `docs/guides/x.md:12`. */
  readonly place: string;
  readonly kind: 'action' | 'workflow' | 'example';
  readonly text: string;
}

/** The inputs, outputs and secrets of an action or a reusable workflow of this repository. */
export interface Interface {
  readonly inputs: Readonly<Record<string, { readonly required: boolean }>>;
  readonly outputs: readonly string[];
  /** Of reusable workflows; undefined for actions, which take none. */
  readonly secrets: readonly string[] | undefined;
}

/** Everything of this repository that a `uses` can name, by its path: `actions/s3-publish`. */
export type Interfaces = ReadonlyMap<string, Interface>;

/** How documents name this repository and its release. */
const ownName = 'your-org/slipway';
const ownRelease = 'v1';

type Fields = Readonly<Record<string, unknown>>;

/** What contains a reference. A workflow without `workflow_call` runs only for this repository. */
type User = YamlText['kind'] | 'uncalled-workflow';

/** Every `action.yml`, every workflow, and every YAML block of the READMEs and guides. */
export function yamlTexts(rootDirectory: string): readonly YamlText[] {
  const read = (path: string): string => readFileSync(join(rootDirectory, path), 'utf8');
  const files = (pattern: string): readonly string[] => globSync(pattern, { cwd: rootDirectory }).sort();
  const whole = (pattern: string, kind: YamlText['kind']): readonly YamlText[] =>
    files(pattern).map((place) => ({ place, kind, text: read(place) }));
  return [
    ...whole('actions/*/action.yml', 'action'),
    ...whole('.github/workflows/*.yml', 'workflow'),
    ...documentPaths(rootDirectory).flatMap((path) => yamlBlocks(path, read(path))),
  ];
}

/** The blocks of a Markdown document that are marked as YAML. */
export function yamlBlocks(path: string, markdown: string): readonly YamlText[] {
  return blocksOf(path, markdown)
    .filter(({ language }) => language === 'yaml' || language === 'yml')
    .map(({ line, text }) => ({ place: `${path}:${line}`, kind: 'example', text }));
}

/** What the `action.yml` and reusable workflows among `texts` declare. */
export function interfacesOf(texts: readonly YamlText[]): Interfaces {
  return new Map(
    texts.flatMap(({ place, kind, text }) => {
      const document = fieldsOf(parseDocument(text).toJS());
      if (kind === 'action') return [[place.replace(/\/action\.yml$/, ''), interfaceOf(document, undefined)]];
      const call = fieldsOf(document['on'])['workflow_call'];
      if (kind !== 'workflow' || call === undefined) return [];
      return [[place, interfaceOf(fieldsOf(call), Object.keys(fieldsOf(fieldsOf(call)['secrets'])))]];
    }),
  );
}

function interfaceOf(declaration: Fields, secrets: Interface['secrets']): Interface {
  const inputs = Object.entries(fieldsOf(declaration['inputs'])).map(([name, input]) => {
    const { required, default: preset } = fieldsOf(input);
    return [name, { required: required === true && preset === undefined }] as const;
  });
  return {
    inputs: Object.fromEntries(inputs),
    outputs: Object.keys(fieldsOf(declaration['outputs'])),
    secrets,
  };
}

/** The problems of one text, each of which begins with its place. */
export function lintYaml({ place, kind, text }: YamlText, interfaces: Interfaces): readonly string[] {
  const parsed = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  const syntax = [...parsed.errors, ...parsed.warnings].map(({ message }) => message.split('\n')[0] ?? '');
  if (syntax.length > 0) return syntax.map((problem) => `${place}: ${problem}`);
  const document: unknown = parsed.toJS();
  const fields = fieldsOf(document);
  const isCalled = 'workflow_call' in fieldsOf(fields['on']);
  const user: User = kind === 'workflow' && !isCalled ? 'uncalled-workflow' : kind;
  const problems = [
    ...pinProblems(text),
    ...jobsOf(fields).flatMap((job) => [
      ...usesProblems(job, user, interfaces),
      ...stepsOf(job).flatMap((step) => usesProblems(step, user, interfaces)),
      ...scriptProblems(stepsOf(job)),
      ...outputProblems(job, stepsOf(job), interfaces),
    ]),
    ...looseSteps(document).flatMap((step) => usesProblems(step, kind, interfaces)),
    ...scriptProblems(looseSteps(document)),
    ...('jobs' in fields ? workflowProblems(fields, kind) : []),
  ];
  return problems.map((problem) => `${place}: ${problem}`);
}

/** The steps of a composite action, or of an example that is a part of a workflow. */
function looseSteps(document: unknown): readonly Fields[] {
  if (Array.isArray(document)) return document.map(fieldsOf);
  const fields = fieldsOf(document);
  return [...stepsOf(fields), ...stepsOf(fieldsOf(fields['runs']))];
}

/** Third-party actions are pinned to a commit, with the version beside it. */
function pinProblems(text: string): readonly string[] {
  const uses = [...text.matchAll(/^\s*(?:- )?uses: *["']?([^\s"'#]+)["']?(.*)$/gm)];
  return uses.flatMap(([, reference = '', rest = '']) => {
    if (isOwn(reference)) return [];
    if (!/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(reference))
      return [`${reference} is not pinned to a commit`];
    return /^\s+# v\d+(\.\d+)*$/.test(rest) ? [] : [`${reference} lacks a comment with its version`];
  });
}

function isOwn(reference: string): boolean {
  return /^(\.|\$)\//.test(reference) || reference.startsWith(`${ownName}/`);
}

/** The path in this repository that a `uses` names, or what is wrong with how it does. */
function ownPath(reference: string, user: User): { readonly path?: string; readonly problem?: string } {
  if (reference.startsWith('./.slipway-actions/') && user === 'action')
    return { path: `actions/${reference.slice('./.slipway-actions/'.length)}` };
  if (reference.startsWith('$/')) {
    if (user === 'workflow' || user === 'uncalled-workflow') return { path: reference.slice(2) };
    return { problem: `${reference} works only in this repository's own workflows` };
  }
  // Its workspace is this repository, with bundles that an earlier step built.
  if (user === 'uncalled-workflow' && reference.startsWith('./actions/')) return { path: reference.slice(2) };
  if (reference.startsWith('./')) return { problem: `${reference} is resolved in the caller's workspace` };
  if (!reference.startsWith(`${ownName}/`)) return {};
  if (user !== 'example') return { problem: `${reference} names an owner and a version; say $/…` };
  const [path = '', release] = reference.slice(ownName.length + 1).split('@');
  return release === ownRelease ? { path } : { problem: `${reference} must be of ${ownRelease}` };
}

/** What is wrong with how a step or a job uses an action or a workflow of this repository. */
function usesProblems(part: Fields, user: User, interfaces: Interfaces): readonly string[] {
  const reference = part['uses'];
  if (typeof reference !== 'string') return [];
  const { path, problem } = ownPath(reference, user);
  if (problem !== undefined) return [problem];
  if (path === undefined) return [];
  const declared = interfaces.get(path);
  if (declared === undefined) return [`there is no ${path}`];
  const given = Object.keys(fieldsOf(part['with']));
  const unknown = given.filter((name) => !(name in declared.inputs));
  const missing = Object.entries(declared.inputs).filter(
    ([name, { required }]) => required && !given.includes(name),
  );
  const secrets = Object.keys(fieldsOf(part['secrets']));
  const unknownSecrets = secrets.filter((name) => declared.secrets?.includes(name) !== true);
  return [
    ...unknown.map((name) => `${path} has no input ${name}`),
    ...missing.map(([name]) => `${path} needs the input ${name}`),
    ...unknownSecrets.map((name) => `${path} takes no secret ${name}`),
  ];
}

/** Scripts get values from `env`. An expression in a script lets whoever controls the value inject code. */
function scriptProblems(steps: readonly Fields[]): readonly string[] {
  return steps.flatMap(({ run }) =>
    typeof run === 'string' && run.includes('${{')
      ? [`the script "${run.split('\n')[0]}" contains an expression`]
      : [],
  );
}

/** References of a job to outputs that this repository's actions do not have. */
function outputProblems(job: Fields, steps: readonly Fields[], interfaces: Interfaces): readonly string[] {
  const text = JSON.stringify(job);
  return steps.flatMap(({ id, uses }) => {
    if (typeof id !== 'string' || typeof uses !== 'string') return [];
    const path = uses.replace(/^(\$|\.|your-org\/slipway)\//, '').replace(/@.*$/, '');
    const outputs = interfaces.get(path)?.outputs;
    const used = [...text.matchAll(/\bsteps\.([\w-]+)\.outputs\.([\w-]+)/g)];
    return used.flatMap(([, step, output = '']) =>
      outputs !== undefined && step === id && !outputs.includes(output)
        ? [`${path} has no output ${output}`]
        : [],
    );
  });
}

function workflowProblems(workflow: Fields, kind: YamlText['kind']): readonly string[] {
  const jobs = Object.entries(fieldsOf(workflow['jobs']));
  const open = jobs.filter(([, job]) => !('permissions' in workflow) && !('permissions' in fieldsOf(job)));
  const endless = jobs.filter(
    ([, job]) => kind === 'workflow' && 'steps' in fieldsOf(job) && !('timeout-minutes' in fieldsOf(job)),
  );
  const wide = [workflow, ...jobs.map(([, job]) => fieldsOf(job))].filter(
    ({ permissions }) => typeof permissions === 'string' && permissions !== 'read-all',
  );
  return [
    ...('on' in workflow || kind === 'example' ? [] : ['it has no event']),
    ...open.map(([name]) => `the job ${name} does not set its permissions`),
    ...wide.map(({ permissions }) => `permissions are ${String(permissions)}`),
    ...endless.map(([name]) => `the job ${name} has no time limit`),
    ...(kind === 'example' ||
    [workflow, ...jobs.map(([, job]) => fieldsOf(job))].some((part) => 'concurrency' in part)
      ? []
      : ['it sets no concurrency']),
  ];
}

/** Third-party actions that are pinned to more than one commit, which happens when an update misses one. */
export function disagreeingPins(texts: readonly YamlText[]): readonly string[] {
  const pins = new Map<string, Set<string>>();
  for (const { text } of texts) {
    for (const [, action = '', commit = ''] of text.matchAll(/\buses: ([\w.-]+\/[\w./-]+)@([0-9a-f]{40})\b/g))
      pins.set(action, (pins.get(action) ?? new Set()).add(commit));
  }
  return [...pins].filter(([, commits]) => commits.size > 1).map(([action]) => action);
}

function jobsOf(workflow: Fields): readonly Fields[] {
  return Object.values(fieldsOf(workflow['jobs'])).map(fieldsOf);
}

function stepsOf({ steps }: Fields): readonly Fields[] {
  return Array.isArray(steps) ? steps.map(fieldsOf) : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
