import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { systemErrorCode } from '@slipway/core';
import type { Command } from './command-line.ts';

const maxStderrBytes = 8 * 1024;
/** How long the pipes of a process that has exited may stay open, as a child that it left behind keeps them. */
const pipesGraceMs = 500;

export interface ProcessRequest {
  readonly command: Command;
  readonly directory: string;
  /** All variables that the process gets. */
  readonly environment: Readonly<Record<string, string>>;
  /** A process that has printed more than this, and nobody has read it, is killed. */
  readonly maxUnreadBytes: number;
  /** Kills the process early. */
  readonly interrupt: AbortSignal;
  /** How long it may run, without an end when not given. */
  readonly timeoutMs?: number;
}

/** How a process ended. What it printed is hostile, and may contain keys. */
export type ProcessEnding =
  | { readonly kind: 'exited'; readonly status: number; readonly stdout: string }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'timed-out' | 'printed-too-much' | 'printed-no-text' | 'interrupted' }
  | { readonly kind: 'not-started'; readonly reason: string };

export interface ProcessResult {
  readonly ending: ProcessEnding;
  /** The first 8 KiB of its standard error. */
  readonly stderr: string;
}

export interface RunningProcess {
  /** Resolves when the process and everything it started are gone. Never rejects. */
  readonly ended: Promise<ProcessResult>;
  /** Writes to its standard input, which closes after the `last` text. */
  write(text: string, last: boolean): void;
  /** The next line that it prints, or undefined when it ends without one. */
  nextLine(): Promise<string | undefined>;
  /** Whether it has printed something that nobody has read. */
  hasUnread(): boolean;
  /** Kills the process and everything it started. */
  stop(ending: ProcessEnding): void;
}

/** Starts a program without a shell, in a process group of its own. Never throws, and prints nothing. */
export function startProcess(request: ProcessRequest): RunningProcess {
  const { promise: ended, resolve } = Promise.withResolvers<ProcessResult>();
  let stdout: Buffer = Buffer.alloc(0);
  let stderr: Buffer = Buffer.alloc(0);
  let more = Promise.withResolvers<void>();
  let isOver = false;
  let early: ProcessEnding | undefined;
  const end = (ending: ProcessEnding): void => {
    isOver = true;
    more.resolve();
    resolve({ ending: early ?? ending, stderr: stderr.toString('utf8') });
  };
  const child = spawnChild(request, end);
  const stop = (ending: ProcessEnding): void => {
    early ??= ending;
    if (child !== undefined) killGroup(child);
  };
  const interrupted = (): void => stop({ kind: 'interrupted' });
  const timedOut = (): void => stop({ kind: 'timed-out' });
  const timer = request.timeoutMs === undefined ? undefined : setTimeout(timedOut, request.timeoutMs);
  request.interrupt.addEventListener('abort', interrupted);
  child?.stdout.on('data', (bytes: Buffer) => {
    if (stdout.length + bytes.length > request.maxUnreadBytes) return stop({ kind: 'printed-too-much' });
    stdout = Buffer.concat([stdout, bytes]);
    more.resolve();
    more = Promise.withResolvers();
  });
  child?.stderr.on('data', (bytes: Buffer) => {
    if (stderr.length < maxStderrBytes) stderr = Buffer.concat([stderr, bytes]).subarray(0, maxStderrBytes);
  });
  // A program need not read its input, and may be gone by now.
  child?.stdin.on('error', () => {});
  let pipesTimer: NodeJS.Timeout | undefined;
  child?.once('exit', () => {
    clearTimeout(timer);
    pipesTimer = setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, pipesGraceMs);
  });
  child?.once('close', (status, signal) => {
    clearTimeout(pipesTimer);
    killGroup(child);
    running.delete(child);
    if (status === null) return end({ kind: 'signalled', signal: signal ?? 'an unknown signal' });
    const text = utf8Text(stdout);
    end(text === undefined ? { kind: 'printed-no-text' } : { kind: 'exited', status, stdout: text });
  });
  void ended.then(() => {
    clearTimeout(timer);
    request.interrupt.removeEventListener('abort', interrupted);
  });
  return {
    ended,
    stop,
    write: (text, last) => void (last ? child?.stdin.end(text) : child?.stdin.write(text)),
    hasUnread: () => stdout.length > 0,
    async nextLine() {
      while (!stdout.includes('\n') && !isOver) await more.promise;
      const length = stdout.indexOf('\n');
      if (length === -1) return undefined;
      const line = utf8Text(stdout.subarray(0, length));
      stdout = stdout.subarray(length + 1);
      if (line === undefined) stop({ kind: 'printed-no-text' });
      return line;
    },
  };
}

/** The child process, or undefined when none was started, for the reason that `end` is given. */
function spawnChild(
  { command: [program, ...args], directory, environment, interrupt }: ProcessRequest,
  end: (ending: ProcessEnding) => void,
) {
  const failed = (error: unknown): void =>
    end({ kind: 'not-started', reason: systemErrorCode(error) ?? 'for an unknown reason' });
  if (interrupt.aborted) return void end({ kind: 'interrupted' });
  try {
    const child = spawn(program, args, {
      cwd: directory,
      env: environment,
      stdio: ['pipe', 'pipe', 'pipe'],
      // The leader of a group of its own, so that everything it starts can be killed with it.
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    // Once it has started, an error is a signal to a process that is gone.
    child.on('error', child.pid === undefined ? failed : () => {});
    if (child.pid === undefined) return undefined;
    if (!killsAtExit) process.once('exit', () => running.forEach(killGroup));
    killsAtExit = true;
    running.add(child);
    return child;
  } catch (error) {
    return void failed(error);
  }
}

const running = new Set<ChildProcess>();
let killsAtExit = false;

function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined) return;
  const command = killCommand(pid, exitCode !== null || signalCode !== null, process.platform);
  if (command.kind === 'signal') {
    try {
      process.kill(command.target, 'SIGKILL');
    } catch {
      // Nobody of the group is left.
    }
  } else if (command.kind === 'taskkill') {
    spawnSync('taskkill', command.args, { stdio: 'ignore', windowsHide: true });
  }
}

export type KillCommand =
  | { readonly kind: 'signal'; readonly target: number }
  | { readonly kind: 'taskkill'; readonly args: readonly string[] }
  | { readonly kind: 'nothing' };

/**
 * How a process and everything it started is killed. Windows has no groups: `taskkill` finds the children of a process
 * that is alive, and would hit another one that got the id of a process that is not.
 */
export function killCommand(pid: number, hasExited: boolean, platform: NodeJS.Platform): KillCommand {
  if (platform !== 'win32') return { kind: 'signal', target: -pid };
  return hasExited ? { kind: 'nothing' } : { kind: 'taskkill', args: ['/pid', String(pid), '/t', '/f'] };
}

function utf8Text(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
