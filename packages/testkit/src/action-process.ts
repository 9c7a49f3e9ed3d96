import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileCache } from './fixtures.ts';

export interface ActionProcessOptions {
  /** The inputs by their names in `action.yml`. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** `GITHUB_WORKSPACE`; a new empty directory when it is not given. */
  readonly workspace?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Options for Node itself, before the file. */
  readonly nodeOptions?: readonly string[];
  /** Called with everything printed so far, whenever more comes; may `kill` the process. */
  readonly onOutput?: (log: string, kill: (signal: NodeJS.Signals) => void) => void;
}

export interface Annotation {
  readonly severity: 'error' | 'warning' | 'notice';
  readonly title: string;
  readonly message: string;
}

export interface ActionRun {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Everything the step printed, workflow commands as they were written. */
  readonly log: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly annotations: readonly Annotation[];
  /** The values that the runner was asked to mask. */
  readonly masks: readonly string[];
  /** Where the command files, `RUNNER_TEMP` and, unless given, the workspace of this step are. */
  readonly directory: string;
}

/**
 * Runs an action's JavaScript in a child process as GitHub's runner starts it: inputs in `INPUT_*` (name in upper case,
 * spaces as `_`, hyphens kept), the command files, a workspace and a temporary directory of its own. `main` is the
 * path of `dist/index.js`. Its files are under `directory` and go when this process ends. Nothing of this process's environment but `PATH` and Node's compile cache reaches the action.
 */
export async function actionProcess(main: string, options: ActionProcessOptions = {}): Promise<ActionRun> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-step-'));
  removeAtExit(directory);
  const file = (name: string): string => join(directory, name);
  const workspace = options.workspace ?? file('workspace');
  await Promise.all([
    mkdir(workspace, { recursive: true }),
    mkdir(file('temp')),
    ...['output', 'summary', 'state', 'env', 'path'].map((name) => writeFile(file(name), '')),
  ]);
  const environment: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: workspace,
    GITHUB_OUTPUT: file('output'),
    GITHUB_STEP_SUMMARY: file('summary'),
    GITHUB_STATE: file('state'),
    GITHUB_ENV: file('env'),
    GITHUB_PATH: file('path'),
    RUNNER_TEMP: file('temp'),
    ...compileCache(),
    ...options.environment,
  };
  for (const [name, value] of Object.entries(options.inputs ?? {})) {
    environment[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`] = value;
  }
  const ended = await run([...(options.nodeOptions ?? []), main], workspace, environment, options.onOutput);
  const commands = ended.log.split('\n').flatMap((line) => parseCommand(line) ?? []);
  return {
    ...ended,
    directory,
    outputs: parseOutputFile(await readFile(file('output'), 'utf8')),
    summary: await readFile(file('summary'), 'utf8'),
    annotations: commands.flatMap(({ name, properties, data }) =>
      name === 'error' || name === 'warning' || name === 'notice'
        ? [{ severity: name, title: properties['title'] ?? '', message: data }]
        : [],
    ),
    masks: commands.filter(({ name }) => name === 'add-mask').map(({ data }) => data),
  };
}

const leftDirectories: string[] = [];

function removeAtExit(directory: string): void {
  if (leftDirectories.length === 0) {
    process.once('exit', () => {
      for (const left of leftDirectories) rmSync(left, { recursive: true, force: true });
    });
  }
  leftDirectories.push(directory);
}

function run(
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  onOutput: ActionProcessOptions['onOutput'],
): Promise<Pick<ActionRun, 'exitCode' | 'signal' | 'log'>> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        onOutput?.(log, (signal) => child.kill(signal));
      });
    }
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, log }));
  });
}

/**
 * The outputs that a `GITHUB_OUTPUT` file sets: `name=value` lines, and `name<<DELIMITER` blocks. As strict as the
 * runner: throws for any other line and for a block without its end.
 */
export function parseOutputFile(text: string): Readonly<Record<string, string>> {
  const outputs: Record<string, string> = {};
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    if (line === '') continue;
    const block = /^([^=<]+)<<(.+)$/.exec(line);
    const single = /^([^=]+)=(.*)$/.exec(line);
    if (block !== null) {
      const [, name = '', delimiter = ''] = block;
      const end = lines.indexOf(delimiter, index + 1);
      if (end === -1) throw new Error(`the output "${name}" has no end`);
      outputs[name] = lines.slice(index + 1, end).join('\n');
      index = end;
    } else if (single !== null) {
      outputs[single[1] ?? ''] = single[2] ?? '';
    } else {
      throw new Error(`not an output: ${line}`);
    }
  }
  return outputs;
}

interface WorkflowCommand {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly data: string;
}

/** The workflow command of a line as the runner reads it, or undefined for a plain line. */
export function parseCommand(line: string): WorkflowCommand | undefined {
  const match = /^\s*::([^ :]+)(?: (.*?))?::(.*)$/s.exec(line.replace(/\r$/, ''));
  if (match === null) return undefined;
  const [, name = '', properties = '', data = ''] = match;
  const pairs = properties.split(',').map((pair) => pair.split('=', 2) as [string, string?]);
  return {
    name,
    properties: Object.fromEntries(pairs.map(([key, value]) => [key, unescapeProperty(value ?? '')])),
    data: unescapeData(data),
  };
}

function unescapeData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}

function unescapeProperty(text: string): string {
  return unescapeData(text.replaceAll('%3A', ':').replaceAll('%2C', ','));
}
