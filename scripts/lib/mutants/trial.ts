import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { type Mutant, placesOf } from './mutant.ts';

/** `text-not-found` also where the text occurs more than once, `invalid` where nothing was proven. */
export type Outcome = 'killed' | 'survived' | 'text-not-found' | 'invalid';

export interface Verdict {
  readonly outcome: Outcome;
  /** The test that failed, or what is wrong. */
  readonly detail: string;
}

/** What is read of Vitest's JSON report. */
export interface TestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

const trialMs = 300_000;

/**
 * Makes the change in `copy`, runs its tests there, and takes the change back. Tests that fail without the change as well prove
 * nothing of it.
 */
export async function tryMutant(
  mutant: Mutant,
  copy: string,
  failAnyway: ReadonlySet<string>,
): Promise<Verdict> {
  const places = placesOf(mutant, copy);
  const [place] = places;
  if (place === undefined || places.length > 1) {
    return {
      outcome: 'text-not-found',
      detail: `its text occurs ${places.length} times in ${mutant.member}`,
    };
  }
  const path = join(copy, place.file);
  const original = readFileSync(path, 'utf8');
  const changed = original.slice(0, place.start) + mutant.replacement + original.slice(place.end);
  try {
    stripTypeScriptTypes(changed);
  } catch (error) {
    return { outcome: 'invalid', detail: `the changed file cannot be parsed: ${String(error)}` };
  }
  writeFileSync(path, changed);
  try {
    const options = failAnyway.size === 0 ? ['--bail=1'] : [];
    return verdictOf(await runTests(copy, mutant.tests, options), failAnyway);
  } finally {
    writeFileSync(path, original);
  }
}

/** What the report of the tests proves of a change. Undefined stands for a run that did not end in time. */
export function verdictOf(
  report: TestReport | undefined,
  failAnyway: ReadonlySet<string> = new Set(),
): Verdict {
  if (report === undefined) return { outcome: 'killed', detail: 'the tests did not end' };
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = tests.find(({ status, fullName }) => status === 'failed' && !failAnyway.has(fullName));
  if (failed !== undefined) return { outcome: 'killed', detail: failed.fullName };
  const broken = report.testResults.find(({ assertionResults }) => assertionResults.length === 0);
  if (broken !== undefined) {
    return { outcome: 'invalid', detail: `${broken.name} ran no test: ${broken.message ?? ''}`.trim() };
  }
  if (!tests.some(({ status }) => status === 'passed')) {
    return { outcome: 'invalid', detail: 'every test was skipped' };
  }
  return { outcome: 'survived', detail: '' };
}

/** The tests of a report that failed. */
export function failuresOf(report: TestReport | undefined): readonly string[] {
  const tests = (report?.testResults ?? []).flatMap(({ assertionResults }) => assertionResults);
  return tests.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
}

/** Runs test files in `copy`; undefined when they do not end within five minutes. */
export async function runTests(
  copy: string,
  files: readonly string[],
  options: readonly string[] = [],
): Promise<TestReport | undefined> {
  const output = join(copy, 'mutant-report.json');
  rmSync(output, { force: true });
  const vitest = join(copy, 'node_modules/vitest/vitest.mjs');
  const child = spawn(
    process.execPath,
    [vitest, 'run', '--reporter=json', `--outputFile=${output}`, ...options, ...files],
    { cwd: copy, stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-2_000);
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, trialMs);
  await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearTimeout(timer);
  if (isLate) return undefined;
  try {
    return JSON.parse(readFileSync(output, 'utf8')) as TestReport;
  } catch (cause) {
    throw new Error(`Vitest wrote no report of ${files.join(', ')}: ${complaint}`, { cause });
  }
}
