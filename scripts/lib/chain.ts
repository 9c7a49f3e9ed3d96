import type { ActionDefinition, InputDeclaration } from '@slipway/runner';
import { inputsOfParts, type Need, type Part, runsOutput, skipInput } from './needs.ts';

/** A composite action, whose steps are actions of this repository. Its inputs and outputs come from their declarations. */
export interface Chain {
  readonly name: string;
  /** One sentence for `action.yml`. */
  readonly description: string;
  readonly steps: readonly ChainStep[];
  /** Descriptions of inputs that have a meaning of their own here, or that steps describe differently. */
  readonly inputs?: Readonly<Record<string, InputWords>>;
}

export interface ChainStep {
  /** The composite has its outputs too, prefixed with this and a hyphen. */
  readonly id: string;
  readonly action: string;
  /** What must be set before anything is done, unless the step is skipped. */
  readonly needs?: readonly Need[];
  /** Whether `skip` may name it. */
  readonly maySkip?: boolean;
  /** Tasks within it that `skip` may name as well, by name. */
  readonly parts?: Readonly<Record<string, readonly Need[]>>;
  /** Why a dry run skips it. A step without this is given `dry-run` itself. */
  readonly notInDryRun?: DryRunGap;
  /** Whether it dates its results by `SOURCE_DATE_EPOCH`, which defaults to the time of the checked-out commit. */
  readonly atCommitTime?: boolean;
  /** The value of every input of the action, so that a new input cannot be forgotten here. */
  readonly inputs: Readonly<Record<string, Source>>;
}

export interface DryRunGap {
  /** Completes the sentence "it did not run, because …". */
  readonly reason: string;
  /** When it runs anyway, as an expression. */
  readonly unless?: string;
}

export interface InputWords {
  readonly description: string;
  readonly required?: boolean;
  readonly default?: string;
  readonly choices?: readonly string[];
  /** Set if steps get it only as a part of an expression. */
  readonly kind?: string;
}

/** Where the value of an input comes from. */
export type Source =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'output'; readonly step: string; readonly output: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'left-out'; readonly reason: string };

/** The composite's input of that name. */
export function fromInput(name: string): Source {
  return { kind: 'input', name };
}

/** The composite's inputs of the same names. */
export function sameInputs(...names: readonly string[]): Readonly<Record<string, Source>> {
  return Object.fromEntries(names.map((name) => [name, fromInput(name)]));
}

/** An output of an earlier step. */
export function fromOutput(step: string, output: string): Source {
  return { kind: 'output', step, output };
}

/** A fixed text, or one with expressions (`${{ … }}`). */
export function text(value: string): Source {
  return { kind: 'text', text: value };
}

/** An expression in a text: `${{ … }}`. */
export function expression(code: string): string {
  return `\${{ ${code} }}`;
}

/** Deliberately nothing. */
export function leftOut(reason: string): Source {
  return { kind: 'left-out', reason };
}

/** An input of a composite and the steps that get it. */
export interface ChainInput {
  readonly name: string;
  readonly declaration: Pick<
    InputDeclaration<unknown>,
    'kind' | 'description' | 'required' | 'default' | 'choices'
  >;
  readonly steps: readonly string[];
}

export interface ChainOutput {
  readonly name: string;
  readonly description: string;
  readonly step: string;
  readonly output: string;
}

/** A chain whose references are all resolved. */
export interface ResolvedChain extends Chain {
  /** What is checked before anything is done. */
  readonly allParts: readonly Part[];
  readonly allInputs: readonly ChainInput[];
  readonly allOutputs: readonly ChainOutput[];
}

/**
 * The chain with its inputs and outputs. Throws an `Error` that names every input without a value, every broken reference, and
 * every input that its steps declare differently.
 */
export function resolveChain(chain: Chain, actions: readonly ActionDefinition[]): ResolvedChain {
  const problems: string[] = [];
  const actionOf = new Map(actions.map((action) => [action.name, action]));
  const uses = new Map<string, InputUse[]>();
  const allParts = chain.steps.flatMap(partsOf);
  const looked = new Set(inputsOfParts(allParts));
  const known: Known = { inputs: new Set(Object.keys(chain.inputs ?? {})), outputs: new Map() };
  for (const step of chain.steps)
    for (const source of Object.values(step.inputs))
      if (source.kind === 'input') known.inputs.add(source.name);
  for (const step of chain.steps) {
    const action = actionOf.get(step.action);
    if (action === undefined) {
      problems.push(`${step.id}: there is no action ${step.action}`);
      continue;
    }
    problems.push(...wiringProblems(step, action, known).map((problem) => `${step.id}: ${problem}`));
    for (const [name, source] of Object.entries(step.inputs)) {
      const declaration = action.inputs[name];
      for (const used of declaration === undefined ? [] : inputsIn(source)) {
        const isPlain = source.kind === 'input';
        uses.set(used, [...(uses.get(used) ?? []), { step, declaration: isPlain ? declaration : undefined }]);
      }
    }
    for (const used of inputsIn(text(asExpression(conditionOf(step)))))
      uses.set(used, [...(uses.get(used) ?? []), { step, declaration: undefined }]);
    known.outputs.set(step.id, new Set(Object.keys(action.outputs)));
  }
  const unused = Object.keys(chain.inputs ?? {}).filter((name) => !uses.has(name));
  problems.push(...unused.map((name) => `no step uses the input ${name}`));
  const unknown = [...looked].filter((name) => !uses.has(name));
  problems.push(...unknown.map((name) => `a step needs the input ${name}, which no step gets`));
  const allInputs = [...uses].map(([name, used]) => joinedInput(name, used, chain.inputs?.[name], problems));
  if (problems.length > 0)
    throw new Error(`${chain.name} does not match its actions:\n- ${problems.join('\n- ')}`);
  return {
    ...chain,
    allParts,
    allInputs: [...allInputs, ...skipOf(allParts)],
    allOutputs: chain.steps.flatMap((step) => outputsOf(step, actionOf)),
  };
}

function partsOf({ id, needs = [], maySkip = false, parts = {} }: ChainStep): readonly Part[] {
  const within = Object.entries(parts).map(
    ([name, needed]): Part => ({ name, maySkip: true, when: [{ kind: 'runs', part: id }], needs: needed }),
  );
  return [{ name: id, maySkip, needs }, ...within];
}

function skipOf(parts: readonly Part[]): readonly ChainInput[] {
  const names = parts.filter(({ maySkip }) => maySkip).map(({ name }) => name);
  if (names.length === 0) return [];
  const description = `Steps to skip, comma-separated: ${names.map((name) => `\`${name}\``).join(', ')}. All others must have what they need.`;
  const declaration = { kind: 'list', description, required: false, default: undefined, choices: undefined };
  return [{ name: skipInput, declaration, steps: names }];
}

interface InputUse {
  readonly step: ChainStep;
  /** What the input becomes in that step; undefined where it is only a part of an expression. */
  readonly declaration: ActionDefinition['inputs'][string] | undefined;
}

interface Known {
  readonly inputs: Set<string>;
  readonly outputs: Map<string, ReadonlySet<string>>;
}

function wiringProblems(step: ChainStep, action: ActionDefinition, known: Known): readonly string[] {
  const wired = Object.keys(step.inputs);
  const missing = Object.keys(action.inputs).filter((name) => !wired.includes(name));
  const foreign = wired.filter((name) => !(name in action.inputs));
  const unmet = wired.filter(
    (name) => step.inputs[name]?.kind === 'left-out' && action.inputs[name]?.required === true,
  );
  const texts = [...Object.values(step.inputs).map(sourceText), asExpression(conditionOf(step))];
  return [
    ...missing.map((name) => `${name} has no value`),
    ...foreign.map((name) => `${action.name} has no input ${name}`),
    ...unmet.map((name) => `${name} is required, but left out`),
    ...texts.flatMap((value) => strayReferences(value, known)),
  ];
}

/** References in expressions to inputs that the composite lacks, and to outputs that no earlier step has. */
function strayReferences(value: string, { inputs, outputs }: Known): readonly string[] {
  const strayInputs = inputNames(value).filter((name) => !inputs.has(name));
  const strayOutputs = [...value.matchAll(/\bsteps\.([\w-]+)\.outputs\.([\w-]+)/g)].filter(
    ([, step = '', output = '']) => step !== preparation && outputs.get(step)?.has(output) !== true,
  );
  return [
    ...strayInputs.map((name) => `there is no input ${name}, which "${value}" refers to`),
    ...strayOutputs.map(([reference]) => `no earlier step has ${reference}`),
  ];
}

/** The id of the first step of every composite. */
export const preparation = 'slipway';

/** Whether a part runs, as an expression. */
export function runs(part: string): string {
  return `steps.${preparation}.outputs.${runsOutput(part)} == 'true'`;
}

/** Whether a part is left out, as an expression. */
export function skipped(part: string): string {
  return `steps.${preparation}.outputs.${runsOutput(part)} != 'true'`;
}

/** When a step runs, as an expression, apart from "nothing has failed". Undefined if always. */
export function conditionOf({ id, maySkip, notInDryRun }: ChainStep): string | undefined {
  const when = maySkip ? runs(id) : undefined;
  if (notInDryRun === undefined) return when;
  const { unless } = notInDryRun;
  const run = `steps.${preparation}.outputs.dry-run != 'true'`;
  const rehearsed = unless === undefined ? run : `(${run} || ${unless})`;
  return when === undefined ? rehearsed : `${when} && ${rehearsed}`;
}

/** When a dry run skips a step that could run, as an expression. */
export function leftOutCondition(step: ChainStep, { unless }: DryRunGap): string {
  const dry = `steps.${preparation}.outputs.dry-run == 'true'${step.maySkip ? ` && ${runs(step.id)}` : ''}`;
  return unless === undefined ? dry : `${dry} && !(${unless})`;
}

/** What stands in `with`, or nothing. */
export function sourceText(source: Source): string {
  switch (source.kind) {
    case 'input':
      return expression(`inputs.${source.name}`);
    case 'output':
      return expression(`steps.${source.step}.outputs.${source.output}`);
    case 'text':
      return source.text;
    case 'left-out':
      return '';
  }
}

function asExpression(condition: string | undefined): string {
  return condition === undefined ? '' : expression(condition);
}

function inputsIn(source: Source): readonly string[] {
  return inputNames(sourceText(source));
}

/** The inputs that the expressions in a text refer to. */
function inputNames(value: string): readonly string[] {
  const expressions = value.match(/\$\{\{.*?\}\}/gs) ?? [];
  const names = expressions.flatMap((code) =>
    [...code.matchAll(/\binputs\.([\w-]+)/g)].map(([, name = '']) => name),
  );
  return [...new Set(names)];
}

function joinedInput(
  name: string,
  uses: readonly InputUse[],
  words: InputWords | undefined,
  problems: string[],
): ChainInput {
  const given = uses.flatMap(({ step, declaration }) =>
    declaration === undefined ? [] : [{ step, declaration }],
  );
  const [first] = given;
  if (first === undefined && words === undefined) problems.push(`nothing describes the input ${name}`);
  const differing = (['description', 'default', 'kind'] as const).filter(
    (field) => new Set(given.map(({ declaration }) => declaration[field])).size > 1,
  );
  if (differing.length > 0 && words === undefined)
    problems.push(`its steps declare a different ${differing.join(' and ')} of the input ${name}`);
  const isNeeded = given.some(({ step, declaration }) => declaration.required && !step.maySkip);
  return {
    name,
    declaration: {
      kind: first?.declaration.kind ?? words?.kind ?? (words?.choices === undefined ? 'text' : 'choice'),
      description: words?.description ?? first?.declaration.description ?? '',
      required: words?.required ?? isNeeded,
      default: words?.default ?? (differing.includes('default') ? undefined : first?.declaration.default),
      choices: words?.choices ?? first?.declaration.choices,
    },
    steps: [...new Set(uses.map(({ step }) => step.id))],
  };
}

function outputsOf(step: ChainStep, actions: ReadonlyMap<string, ActionDefinition>): readonly ChainOutput[] {
  return Object.entries(actions.get(step.action)?.outputs ?? {}).map(([output, { description }]) => ({
    name: `${step.id}-${output}`,
    description,
    step: step.id,
    output,
  }));
}
