/** Measures Slipway beside its peers: `scripts/bench [options]`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { asSlipwayError, formatDuration, parseDurationMs, UserError } from '@slipway/core';
import { downloadPlans } from './download-plans.ts';
import { indexPlans } from './index-plans.ts';
import { thisMachine } from './machine.ts';
import { measure, type Result } from './measure.ts';
import { memoryPlans } from './memory-plans.ts';
import { packPeers } from './pack-peers.ts';
import { packPlans } from './pack-plans.ts';
import { Gpg, Spack } from './peers.ts';
import type { Field, Plan } from './plan.ts';
import { publishPlans } from './publish-plans.ts';
import { type Findings, formatFindings, formatResult } from './report.ts';
import { syncPeers } from './s3-peers.ts';
import { s3MemoryPlans, s3Plans } from './s3-plans.ts';
import { signaturePlans } from './signature-plans.ts';
import { SlipwayProgram } from './slipway.ts';
import { startPlans } from './start-plans.ts';
import { Workspace } from './workspace.ts';

const usage = `Usage: scripts/bench [options]
  --entries N,N      sizes of the mirrors (1000,10000)
  --only TEXT        only measurements whose name has this in it; several times for several
  --memory N         peak memory with N entries too (100000 is what the aim is for)
  --runs N           runs of each side (5)
  --budget TIME      a side that has taken so long in all is not run again (3m)
  --work DIR         where mirrors are made and kept for the next time
  --output FILE      where the JSON result goes (WORK/result.json)
  --slipway PATH     another slipway than the bundle of packages/cli
  --readme           put the results into the README of packages/bench
Peers: gpg, aws, s5cmd, zip from PATH, 7-Zip as scripts/test installs it; Spack when SPACK_ROOT names one.
`;

const readme = fileURLToPath(new URL('../README.md', import.meta.url));
const readmeMarks = ['<!-- results -->\n', '<!-- end of results -->'] as const;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      entries: { type: 'string', default: '1000,10000' },
      only: { type: 'string', multiple: true, default: [] },
      memory: { type: 'string' },
      runs: { type: 'string', default: '5' },
      budget: { type: 'string', default: '3m' },
      work: { type: 'string', default: join(tmpdir(), 'slipway-bench') },
      output: { type: 'string' },
      slipway: { type: 'string' },
      readme: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(usage);
    return;
  }
  const workspace = new Workspace(resolve(values.work), (line) => say(`${line}\n`));
  const slipway = new SlipwayProgram(values.slipway === undefined ? undefined : resolve(values.slipway));
  if (!slipway.exists)
    throw new UserError('input-invalid', 'the slipway program to measure does not exist', {
      hint: 'Run scripts/bundle first; scripts/bench does so by itself.',
    });

  const loadBefore = loadavg()[0] ?? 0;
  const gpg = Gpg.open((await workspace.signingKey()).privateKeyFile);
  try {
    const field: Field = { workspace, slipway, spack: Spack.find(), gpg };
    const plans = [
      ...startPlans(),
      ...values.entries
        .split(',')
        .map(parseCount)
        .flatMap((entryCount) => [
          ...indexPlans(field, entryCount),
          ...publishPlans(field, entryCount),
          ...signaturePlans(field, entryCount),
        ]),
      ...s3Plans(field),
      ...downloadPlans(field),
      ...packPlans(field),
      ...(values.memory === undefined
        ? []
        : [
            ...memoryPlans(field, parseCount(values.memory)),
            ...s3MemoryPlans(field, parseCount(values.memory)),
          ]),
    ].filter(({ name }) => values.only.length === 0 || values.only.some((text) => name.includes(text)));
    const results = await runPlans(plans, parseCount(values.runs), parseDurationMs(values.budget));
    const findings: Findings = {
      measuredAt: new Date().toISOString(),
      machine: thisMachine(),
      loadBefore,
      peers: versionsOf(field),
      results,
    };
    const output = values.output ?? workspace.path('result.json');
    mkdirSync(dirname(resolve(output)), { recursive: true });
    writeFileSync(output, `${JSON.stringify(findings, null, 2)}\n`);
    const text = formatFindings(findings);
    say(`\n${text}\nresults in ${output}\n`);
    if (values.readme) putIntoReadme(text);
  } finally {
    gpg?.close();
  }
}

/** Runs what can be run: a failed measurement is reported and fails the whole, but does not stop the others. */
async function runPlans(plans: readonly Plan[], runs: number, budgetMs: number): Promise<Result[]> {
  const results: Result[] = [];
  for (const plan of plans) {
    const startMs = performance.now();
    try {
      const measurement = await plan.prepare();
      const wanted = Math.min(plan.maxRuns ?? Number.POSITIVE_INFINITY, Math.max(plan.minRuns ?? 1, runs));
      const result = await measure(measurement, { runs: wanted, budgetMs });
      results.push(result);
      say(`${formatResult(result).trimEnd()} [${formatDuration(performance.now() - startMs)}]\n`);
    } catch (error) {
      tell(`${plan.name} failed`, error);
      process.exitCode = 1;
    } finally {
      await plan.finish?.();
    }
  }
  return results;
}

function tell(what: string, error: unknown): void {
  const { message, hint } = asSlipwayError(error);
  process.stderr.write(`bench: ${what}: ${message}${hint === undefined ? '' : `\n${hint}`}\n`);
}

function versionsOf({ spack, gpg }: Field): Record<string, string> {
  return {
    ...(spack === undefined ? {} : { Spack: spack.version }),
    ...(gpg === undefined ? {} : { gpg: gpg.version }),
    ...Object.fromEntries(packPeers().map(({ name, version }) => [name, version])),
    ...Object.fromEntries(syncPeers().map(({ name, version }) => [name.split(' ')[0] ?? name, version])),
  };
}

function putIntoReadme(text: string): void {
  const [startMark, endMark] = readmeMarks;
  const before = readFileSync(readme, 'utf8');
  const start = before.indexOf(startMark);
  const end = before.indexOf(endMark);
  if (start < 0 || end < start)
    throw new UserError('content-invalid', 'the README has no markers for results');
  writeFileSync(readme, `${before.slice(0, start + startMark.length)}\n${text}\n${before.slice(end)}`);
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text.trim())) return Number(text);
  throw new UserError('input-invalid', `"${text}" is not a count`);
}

function say(text: string): void {
  process.stdout.write(text);
}

try {
  await main();
} catch (error) {
  tell('nothing was measured', error);
  process.exitCode = 1;
}
