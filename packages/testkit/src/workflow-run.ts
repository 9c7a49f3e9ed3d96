import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { compileCache, temporaryDirectory } from './fixtures.ts';
import { killWithDescendants, processesOf } from './process-tree.ts';
import { serverProgram } from './server-programs.ts';
import { collectJobs, parseWorkflowLine, type WorkflowEntry, type WorkflowJob } from './workflow-log.ts';

export interface WorkflowEvent {
  readonly name: string;
  /** What `github.event` is. */
  readonly payload?: Readonly<Record<string, unknown>>;
  /** `refs/heads/main` when not given. */
  readonly ref?: string;
}

export interface WorkflowRunOptions {
  /** The files of the repository that the workflow runs for, by their paths. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** A repository to clone, with its history and as `origin`, instead of one with `files`. */
  readonly clone?: string;
  /** Which of them to run: `.github/workflows/release.yml`. */
  readonly workflow: string;
  readonly event: WorkflowEvent;
  /** `owner/name`. */
  readonly repository?: string;
  readonly runId?: string;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, string>>;
  /** Inputs of `workflow_dispatch`. */
  readonly inputs?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** Paths of programs that steps find by name. */
  readonly programs?: readonly string[];
  /** Directories that replace repositories of actions and reusable workflows: `owner/name@ref` → path. */
  readonly repositories?: Readonly<Record<string, string>>;
  /** Called with each line; may kill the runner with everything it started, as when a machine dies. */
  readonly onEntry?: (entry: WorkflowEntry, kill: () => void) => void;
  /** Kills the run when it is aborted. */
  readonly signal?: AbortSignal;
}

export interface WorkflowRun {
  /** 0 when all jobs succeeded; null for a run that was killed. */
  readonly exitCode: number | null;
  readonly jobs: Readonly<Record<string, WorkflowJob>>;
  /** Everything that the runner wrote, unchanged, except the lines in which actions register masks. */
  readonly output: string;
  /** The same in readable form: one line for each entry, with job and step. */
  readonly log: string;
}

const commitDate = '2026-01-01T00:00:00Z';

/** The labels of runners that jobs may ask for; each job runs on this machine. */
const labels = ['ubuntu-latest', 'ubuntu-24.04', 'macos-15', 'macos-15-intel', 'windows-2025'];

/** Whether `runWorkflow` works on this machine. */
export function haveWorkflowRunner(): boolean {
  return serverProgram('act') !== undefined;
}

/**
 * Runs a workflow with act in host mode: jobs are processes of this machine, with directories of their own and the Node that
 * runs this. Nothing listens on a port. `actions/checkout` copies the files of the repository; `concurrency`,
 * `permissions` and `environment` are GitHub's and have no effect here. A step ends when everything that it started has closed its
 * output.
 */
export function runWorkflow(options: WorkflowRunOptions): Promise<WorkflowRun> {
  const directory = temporaryDirectory('workflow');
  return follow(startAct(directory, options), directory, options);
}

function startAct(directory: string, options: WorkflowRunOptions): ChildProcess {
  const program = serverProgram('act');
  if (program === undefined) throw new Error('act is not installed: scripts/test installs it');
  const repository = makeRepository(join(directory, 'repository'), options);
  const home = join(directory, 'home');
  mkdirSync(home);
  const shell = lateShell(join(directory, 'shell'));
  return spawn(program, actArguments(directory, repository, options), {
    cwd: repository,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: [shell, process.execPath, ...(options.programs ?? [])]
        .map((program) => dirname(program))
        .concat(process.env['PATH'] ?? '')
        .join(delimiter),
      HOME: home,
      XDG_CACHE_HOME: join(home, '.cache'),
      XDG_CONFIG_HOME: join(home, '.config'),
      TMPDIR: directory,
      LANG: 'C.UTF-8',
      ...compileCache(),
    },
  });
}

/**
 * Returns the path of a bash that starts with a short delay. A script that act has just copied cannot be run (ETXTBSY) while a
 * process that act starts for another job still has it open.
 */
function lateShell(directory: string): string {
  mkdirSync(directory);
  const path = join(directory, 'bash');
  const bash = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((place) => join(place, 'bash'))
    .find((program) => existsSync(program));
  writeFileSync(
    path,
    `#!/bin/sh
sleep 0.05
exec '${bash}' "$@"
`,
    { mode: 0o755 },
  );
  return path;
}

function makeRepository(directory: string, { files, clone, repository }: WorkflowRunOptions): string {
  if (clone !== undefined) {
    execFileSync('git', ['clone', '--quiet', clone, directory], { stdio: 'pipe' });
    return directory;
  }
  for (const [path, contents] of Object.entries(files)) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, contents, { mode: path.endsWith('.sh') ? 0o755 : 0o644 });
  }
  // The same files produce the same commit, as when a tag is released again.
  const dates = { GIT_AUTHOR_DATE: commitDate, GIT_COMMITTER_DATE: commitDate };
  const git = (...args: readonly string[]): void => {
    const identity = ['-c', 'user.name=Tester', '-c', 'user.email=tester@example.org'];
    execFileSync('git', [...identity, ...args], {
      cwd: directory,
      stdio: 'pipe',
      env: { ...process.env, ...dates },
    });
  };
  git('init', '--quiet', '--initial-branch=main');
  git('remote', 'add', 'origin', `https://github.com/${repository ?? 'example/product'}.git`);
  git('add', '--all', '--force');
  git('commit', '--quiet', '--allow-empty', '--message', 'The released state');
  return directory;
}

function actArguments(directory: string, repository: string, options: WorkflowRunOptions): readonly string[] {
  const { event } = options;
  // YAML as act reads it; JSON is YAML too, and needs no quoting of what secrets are made of.
  const valuesFile = (name: string, values: unknown): string => {
    const file = join(directory, `${name}.yml`);
    writeFileSync(file, JSON.stringify(values ?? {}), { mode: 0o600 });
    return file;
  };
  const payloadFile = join(directory, 'event.json');
  const inputs = options.inputs === undefined ? {} : { inputs: options.inputs };
  writeFileSync(payloadFile, JSON.stringify({ ...event.payload, ...inputs }));
  const environment = {
    GITHUB_REF: event.ref ?? 'refs/heads/main',
    GITHUB_RUN_ID: options.runId ?? '1001',
    GITHUB_REPOSITORY: options.repository ?? 'example/product',
    ...options.environment,
  };
  const secrets = { GITHUB_TOKEN: 'ghs_tokenOfTheRunnerThatIsNoToken000000', ...options.secrets };
  return [
    event.name,
    ...['--workflows', join(repository, options.workflow), '--no-recurse'],
    ...['--eventpath', payloadFile],
    ...labels.flatMap((label) => ['--platform', `${label}=-self-hosted`]),
    ...['--json', '--no-cache-server', '--use-gitignore=false', '--actor', 'octocat'],
    ...['--action-cache-path', join(directory, 'actions')],
    ...['--env-file', valuesFile('environment', environment)],
    ...['--secret-file', valuesFile('secrets', secrets)],
    ...['--var-file', valuesFile('variables', options.variables)],
    ...Object.entries(options.repositories ?? {}).flatMap(([name, place]) => [
      '--local-repository',
      `${name}=${place}`,
    ]),
  ];
}

/** Its directory is in the environment of every process of a run. */
function follow(
  child: ChildProcess,
  directory: string,
  { onEntry, signal }: WorkflowRunOptions,
): Promise<WorkflowRun> {
  const entries: WorkflowEntry[] = [];
  let output = '';
  let killed: ReadonlySet<number> | undefined;
  const kill = (): void => {
    killed ??= killWithDescendants(child, directory);
  };
  process.once('exit', kill);
  signal?.addEventListener('abort', kill, { once: true });
  const readStream = (stream: NodeJS.ReadableStream | null): Promise<void> =>
    new Promise((resolve) => {
      if (stream === null) return resolve();
      const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
      lines.on('line', (line) => {
        const entry = parseWorkflowLine(line);
        if (!entry.isMask) output += `${line}\n`;
        entries.push(entry);
        if (killed === undefined) onEntry?.(entry, kill);
      });
      lines.on('close', () => resolve());
    });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (exitCode) => resolve(killed === undefined ? exitCode : null));
  });
  return Promise.all([ended, readStream(child.stdout), readStream(child.stderr)])
    .then(async ([exitCode]) => {
      while (killed !== undefined && processesOf(directory).some((pid) => killed?.has(pid))) await sleep(5);
      return { exitCode, jobs: collectJobs(entries), output, log: entries.map(lineOf).join('\n') };
    })
    .finally(() => {
      process.off('exit', kill);
      signal?.removeEventListener('abort', kill);
    });
}

function lineOf({ job, step, message }: WorkflowEntry): string {
  const where = [job, step].filter((part) => part !== '').join(' ');
  return `[${where}] ${message.replace(/\r?\n$/, '')}`;
}
