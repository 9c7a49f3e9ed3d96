import { execFile, execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { temporaryDirectory } from './fixtures.ts';
import { serverProgram } from './server-programs.ts';

/** How a client of a package index ended. */
export interface ClientRun {
  readonly exitCode: number;
  readonly stdout: string;
  /** Everything that it printed. */
  readonly output: string;
}

export interface ClientOptions {
  readonly directory?: string;
  /** Written to its standard input. */
  readonly input?: string;
}

/** Whether `pip` can be started here. */
export function havePip(): boolean {
  return serverProgram('pip') !== undefined;
}

/** Whether `uv` can be started here. */
export function haveUv(): boolean {
  return serverProgram('uv') !== undefined;
}

let interpreter: string | undefined;

/** The interpreter itself: `python3` on PATH may be a script that looks for one. */
function python(): string {
  interpreter ??= execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
    encoding: 'utf8',
  }).trim();
  return interpreter;
}

/** Runs the pinned pip without the machine's configuration, without its cache and without retries. */
export function pip(args: readonly string[], options: ClientOptions = {}): Promise<ClientRun> {
  const home = temporaryDirectory('pip');
  return run(python(), [dirname(program('pip')), ...args], options, {
    HOME: home,
    PIP_CONFIG_FILE: '/dev/null',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_CACHE_DIR: '1',
    PIP_NO_INPUT: '1',
    PIP_RETRIES: '0',
  });
}

/** Runs the pinned uv with the machine's Python, without its configuration, and with an empty cache. */
export function uv(args: readonly string[], options: ClientOptions = {}): Promise<ClientRun> {
  const home = temporaryDirectory('uv');
  return run(program('uv'), args, options, {
    HOME: home,
    UV_CACHE_DIR: join(home, 'cache'),
    UV_HTTP_RETRIES: '0',
    UV_NO_CONFIG: '1',
    UV_PYTHON: python(),
    UV_PYTHON_DOWNLOADS: 'never',
  });
}

function program(name: 'pip' | 'uv'): string {
  const path = serverProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed: scripts/test installs it`);
  return path;
}

function run(
  file: string,
  args: readonly string[],
  { directory = temporaryDirectory('client'), input }: ClientOptions,
  environment: Readonly<Record<string, string>>,
): Promise<ClientRun> {
  const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', NO_COLOR: '1', ...environment };
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { cwd: directory, env }, (error, stdout, stderr) => {
      const { code } = error ?? { code: 0 };
      if (typeof code === 'number') resolve({ exitCode: code, stdout, output: stdout + stderr });
      else reject(error ?? new Error(`${file} did not end`));
    });
    child.stdin?.end(input ?? '');
  });
}
