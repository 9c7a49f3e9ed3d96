import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { diesAtChange } from '@slipway/testkit';
import { onTestFinished } from 'vitest';

/** Starts a script of `children/` in a process of its own, on this Node version, from the sources. */
export function startChild(script: string, ...parameters: string[]): ChildProcess {
  return startChildWith({}, script, ...parameters);
}

/** The same, killed just before a given change that it makes in the file system. */
export function startDyingChild(change: number, script: string, ...parameters: string[]): ChildProcess {
  return start({}, diesAtChange(change), script, parameters);
}

/** The same, with variables in its environment. */
export function startChildWith(
  environment: Readonly<Record<string, string>>,
  script: string,
  ...parameters: string[]
): ChildProcess {
  return start(environment, [], script, parameters);
}

function start(
  environment: Readonly<Record<string, string>>,
  nodeOptions: readonly string[],
  script: string,
  parameters: readonly string[],
): ChildProcess {
  const file = path.join(import.meta.dirname, 'children', script);
  const child = spawn(process.execPath, ['--conditions=source', ...nodeOptions, file, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Waits for a child's first output. */
export async function firstOutput(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the child has no standard output');
  const [chunk] = await once(child.stdout, 'data');
  return String(chunk);
}

/** Waits for a child to end; returns its whole output and its exit code, or the signal's name. */
export async function ended(child: ChildProcess): Promise<{ output: string; code: number | string }> {
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  const [code, signal] = await once(child, 'close');
  return { output, code: signal ?? code };
}

/** Kills a child as an impatient runner does, unless it has ended, and waits for its end. */
export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = once(child, 'close');
  child.kill('SIGKILL');
  await end;
}
