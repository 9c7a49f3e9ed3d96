import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { counted, formatDuration, printable } from '@slipway/core';
import { type ActionContext, type ActionResult, defineAction } from '@slipway/runner';
import { customerText } from './customer.ts';
import { inputProblems } from './input-problems.ts';
import { type Inputs, inputs } from './inputs.ts';
import { type Plan, plan, type VerdictRule } from './plan.ts';
import { report } from './report.ts';

const shownCases = 5;
const maxSeed = 2 ** 31;

export const action = defineAction({
  name: 'license-key-check',
  description:
    'Blocks a release unless the generator of license keys and the validator agree, over generated customers and changed keys.',
  inputs,
  outputs: {
    result: { description: '`passed`, `failed`, or `planned` for a dry run.' },
    cases: { description: 'How many cases passed every check.' },
    seed: { description: 'The seed that repeats this run.' },
    'failing-check': {
      description: 'The check that failed, such as `changes-rejected`; empty when none did.',
    },
    report: { description: 'Path of the JSON report. No key is in it.', kind: 'file' },
  },
  checkInputs: inputProblems,
  run,
});

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { progress, clock, environment, workDirectory } = context;
  for (const name of given.environment) {
    const value = environment[name];
    if (value !== undefined && name !== 'PATH' && name !== 'HOME') context.mask(value);
  }
  const planned = plan(planInput(given, clock.random()));
  progress.info(
    `${counted(planned.cases, 'case')} with seed ${planned.seed}, for at most ${formatDuration(planned.timeLimitMs)}.`,
  );
  if (given.dryRun) {
    await describe(planned, (line) => progress.info(line));
    return report({ plan: planned, execution: undefined, reportPath: given.report });
  }
  // fast-check takes longer to load than all else here.
  const [{ execute }, { programRunner }] = await Promise.all([
    import('./execute.ts'),
    import('./programs.ts'),
  ]);
  const execution = await execute(planned, {
    run: programRunner({
      directory: resolve(workDirectory, given.workingDirectory ?? ''),
      environment,
      variables: given.environment,
      timeoutMs: planned.commandTimeoutMs,
      interrupt: AbortSignal.timeout(planned.timeLimitMs),
    }),
    concurrency: availableParallelism(),
    clock,
    progress,
  });
  return report({ plan: planned, execution, reportPath: given.report });
}

function planInput(given: Inputs, random: number): Parameters<typeof plan>[0] {
  return {
    generator: { command: given.generator, transport: given.generatorInput },
    validator: { command: given.validator, transport: given.validatorInput, verdict: verdictRule(given) },
    seed: given.seed ?? Math.floor(random * maxSeed),
    cases: given.cases,
    minimumCases: given.minimumCases,
    exhaustiveCases: given.exhaustiveCases,
    changesPerCase: given.changesPerCase,
    timeLimitMs: given.timeLimit,
    commandTimeoutMs: given.commandTimeout,
    fields: given.customerFields,
    texts: given.customerTexts,
    distinctBy: given.distinctBy,
    ignoredDifferences: given.ignoredDifferences,
    key: {
      length: given.keyLength,
      pattern: given.keyPattern?.source,
      alphabet: given.keyAlphabet,
      separators: given.keySeparators,
    },
    toleratedChanges: given.toleratedChanges,
    keyBinding: given.keyBinding,
  };
}

function verdictRule({
  acceptedOutput,
  rejectedOutput,
  rejectedStatus,
  validatorInput,
}: Inputs): VerdictRule {
  if (validatorInput === 'json-lines') return { kind: 'json-lines' };
  if (acceptedOutput === undefined || rejectedOutput === undefined)
    return { kind: 'status', rejected: rejectedStatus };
  return { kind: 'output', accepted: acceptedOutput, rejected: rejectedOutput };
}

async function describe(planned: Plan, print: (line: string) => void): Promise<void> {
  const { sampleCases } = await import('./cases.ts');
  for (const name of ['generator', 'validator'] as const) {
    const { command, transport } = planned[name];
    print(`Would run the ${name} (${transport}): ${printable(command.map(quoted).join(' '))}`);
  }
  for (const { kind, what } of planned.steps) print(`Would check ${kind}: ${what}`);
  print(`The first customers of ${planned.cases.toLocaleString('en-US')} cases:`);
  for (const { customer, similar } of sampleCases(
    planned,
    planned.seed,
    Math.min(planned.cases, shownCases),
  )) {
    print(`  ${customerText(customer)}`);
    print(`  and, similar to it, ${customerText(similar)}`);
  }
}

function quoted(word: string): string {
  return /^[^\s'"]+$/.test(word) ? word : JSON.stringify(word);
}
