import { type Clock, type ProgressPort, UserError } from '@slipway/core';
import { askAll, OutOfTime, type RunProgram } from './ask.ts';
import { sampleCases } from './cases.ts';
import { excerptOf } from './excerpt.ts';
import { KeyBook } from './key-book.ts';
import { someChanges } from './key-changes.ts';
import type { KeyRules } from './key-rules.ts';
import { parsePattern } from './parsers.ts';
import type { Plan } from './plan.ts';
import type { ProcessResult } from './process.ts';
import { keyReading, verdictReading } from './readings.ts';
import { type CaseFailure, type RoundTools, type Tally, tryCases } from './round.ts';
import { smallestFailure } from './shrink.ts';
import type { ChangeKind, Check } from './vocabulary.ts';

export interface CheckPorts {
  readonly run: RunProgram;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly progress: ProgressPort;
}

/** A failure as it is told: nothing in it is a key. */
export interface FoundFailure extends Omit<CaseFailure, 'trouble' | 'by'> {
  /** Which case it was, counted from 1. */
  readonly caseNumber: number;
  /** How many times a smaller case failed as well. */
  readonly shrinkSteps: number;
  readonly repeatable: boolean;
  /** What the program wrote to its standard error, made safe. */
  readonly excerpt: string | undefined;
}

export interface Execution {
  /** How many cases passed every check. */
  readonly passedCases: number;
  readonly tally: Tally;
  readonly processes: number;
  /** Whether the time limit ended the check before all cases were tried. */
  readonly outOfTime: boolean;
  readonly failure: FoundFailure | undefined;
  readonly durationMs: number;
}

/** Tries the cases of a plan until one fails, all are through, or time is over. Throws `UserError` for programs that are not there. */
export async function execute(
  plan: Plan,
  { run, concurrency, clock, progress }: CheckPorts,
): Promise<Execution> {
  const startedMs = clock.nowMs();
  let processes = 0;
  const counted: RunProgram = async (request) => {
    processes += 1;
    return startedOrThrow(request.command[0], await run(request));
  };
  const tools = toolsOf(plan, counted, concurrency);
  const checks = new Map<Check, number>();
  const changes = new Map<ChangeKind, number>();
  const cases = sampleCases(plan, plan.seed, plan.cases);
  let passedCases = 0;
  let failure: FoundFailure | undefined;
  let outOfTime = false;
  progress.start('Check license keys', plan.cases, 'entries');
  try {
    while (passedCases < cases.length && failure === undefined) {
      const from = passedCases;
      const round = cases.slice(from, from + plan.roundSize);
      const result = await tryCases(round, {
        ...tools,
        chooseChanges: (all, index) =>
          from + index < plan.exhaustiveCases
            ? all
            : someChanges(all, plan.changesPerCase, round[index]?.pick ?? 0),
      });
      add(checks, result.tally.checks);
      add(changes, result.tally.changes);
      if (result.kind === 'passed') {
        passedCases += round.length;
        progress.advance(round.length);
        continue;
      }
      progress.info('A case failed: looking for the smallest one that does.');
      const index = from + result.index;
      const {
        failure: smallest,
        steps,
        repeatable,
      } = await smallestFailure(plan, index, result.failure, tools);
      const { trouble, by: _, ...told } = smallest;
      failure = {
        ...told,
        caseNumber: index + 1,
        shrinkSteps: steps,
        repeatable,
        excerpt: trouble && excerptOf(trouble.stderr, tools.keys),
      };
    }
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    outOfTime = true;
  }
  return {
    passedCases,
    tally: { checks, changes },
    processes,
    outOfTime,
    failure,
    durationMs: clock.nowMs() - startedMs,
  };
}

function toolsOf(
  plan: Plan,
  run: RunProgram,
  concurrency: number,
): Omit<RoundTools, 'chooseChanges'> & { readonly keys: ReadonlySet<string> } {
  const { generator, validator, key } = plan;
  const rules: KeyRules = {
    ...key,
    pattern: key.pattern === undefined ? undefined : parsePattern(key.pattern),
  };
  const verdicts = verdictReading(validator.verdict);
  const keys = new Set<string>();
  return {
    plan,
    rules,
    book: new KeyBook(rules.separators),
    keys,
    askGenerator: async (questions) => {
      const replies = await askAll(
        questions,
        { name: 'generator', program: generator, run, concurrency },
        keyReading,
      );
      for (const reply of replies) if (reply.kind === 'answer') keys.add(reply.answer);
      return replies;
    },
    askValidator: (questions) => {
      for (const question of questions) if (question.key !== undefined) keys.add(question.key);
      return askAll(questions, { name: 'validator', program: validator, run, concurrency }, verdicts);
    },
  };
}

/** A program that is not there fails for every customer: the workflow is wrong, not the keys. */
function startedOrThrow(program: string, result: ProcessResult): ProcessResult {
  const { ending } = result;
  if (ending.kind !== 'not-started' || !['ENOENT', 'EACCES', 'ENOTDIR'].includes(ending.reason))
    return result;
  throw new UserError(
    'source-missing',
    `the program ${JSON.stringify(program)} cannot be started (${ending.reason})`,
    {
      hint: 'Give its path under working-directory, or a name that is on PATH, and see that it may be executed. A script without a first line such as #!/usr/bin/env node needs its interpreter: node script.js.',
    },
  );
}

function add<Key>(sums: Map<Key, number>, more: ReadonlyMap<Key, number>): void {
  for (const [key, count] of more) sums.set(key, (sums.get(key) ?? 0) + count);
}
