import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Command } from './command-line.ts';

/** A process is killed when it has printed more than this and none of it has been read. */
const maxUnreadCharacters = 64 * 1024;
const maxStderrBytes = 8 * 1024;
/** How long the pipes of a process that has exited may stay open, as a child that it left behind keeps them. */
const pipesGraceMs = 500;

export interface ProcessRequest {
  readonly command: Command;
  readonly directory: string;
  /** All variables that the process gets. */
  readonly environment: Readonly<Record<string, string>>;
}

/** How a process ended. What it printed is hostile, and may contain keys. */
export interface ProcessEnd {
  /** Its exit status, or why it has none: `was killed by SIGSEGV`, or the reason that `stop` was given. */
  readonly status: number | string;
  /** The part of its standard output that has not been read. */
  readonly stdout: string;
  /** The first 8 KiB of its standard error. */
  readonly stderr: string;
}

export type RunningProcess = Awaited<ReturnType<typeof startProcess>>;

/** Starts a program without a shell, in a process group of its own. Rejects with the system's error if that fails. */
export async function startProcess({ command: [program, ...args], directory, environment }: ProcessRequest) {
  const child = spawn(program, args, {
    cwd: directory,
    env: environment,
    stdio: ['pipe', 'pipe', 'pipe'],
    // The leader of a group of its own, so that everything it starts can be killed with it.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  if (child.pid === undefined) throw (await once(child, 'error'))[0];
  // From now on, an error is a signal to a process that is gone.
  child.on('error', () => {});
  // A program need not read its input, and may be gone by now.
  child.stdin.on('error', () => {});
  running.add(child);
  if (!process.listeners('exit').includes(killRunning)) process.once('exit', killRunning);

  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let unread = '';
  let stderr: Buffer = Buffer.alloc(0);
  let stopped: string | undefined;
  let isOver = false;
  let changed = Promise.withResolvers<void>();
  const stop = (reason: string): void => {
    stopped ??= reason;
    killGroup(child);
  };
  const read = (bytes?: Buffer): void => {
    if (stopped !== undefined) return;
    try {
      unread += decoder.decode(bytes, { stream: bytes !== undefined });
    } catch {
      stop('printed something that is not UTF-8');
    }
    if (unread.length > maxUnreadCharacters) stop('printed more than one answer and was killed');
    changed.resolve();
    changed = Promise.withResolvers();
  };
  child.stdout.on('data', read);
  child.stderr.on('data', (bytes: Buffer) => {
    if (stderr.length < maxStderrBytes) stderr = Buffer.concat([stderr, bytes]).subarray(0, maxStderrBytes);
  });
  let pipesTimer: NodeJS.Timeout | undefined;
  child.once('exit', () => {
    pipesTimer = setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, pipesGraceMs);
  });
  const ended = once(child, 'close').then(([status, signal]): ProcessEnd => {
    clearTimeout(pipesTimer);
    killGroup(child);
    running.delete(child);
    read();
    isOver = true;
    changed.resolve();
    return {
      status: stopped ?? status ?? `was killed by ${signal}`,
      stdout: unread,
      stderr: stderr.toString(),
    };
  });
  return {
    /** Resolves when the process and everything it started are gone. Never rejects. */
    ended,
    /** Kills the process and everything it started. */
    stop,
    /** Writes to its standard input, which closes after the `last` text. */
    write: (text: string, last: boolean): void =>
      void (last ? child.stdin.end(text) : child.stdin.write(text)),
    /** Whether it has printed something that has not been read. */
    hasUnread: (): boolean => unread !== '',
    /** The next line that it prints, or undefined when it ends without one. */
    async nextLine(): Promise<string | undefined> {
      while (!unread.includes('\n') && !isOver) await changed.promise;
      const length = unread.indexOf('\n');
      if (length === -1) return undefined;
      const line = unread.slice(0, length);
      unread = unread.slice(length + 1);
      return line;
    },
  };
}

const running = new Set<ChildProcess>();

function killRunning(): void {
  running.forEach(killGroup);
}

function killGroup({ pid = 0, exitCode, signalCode }: ChildProcess): void {
  const target = killTarget(pid, exitCode !== null || signalCode !== null, process.platform);
  if (typeof target === 'object') {
    spawnSync('taskkill', target, { stdio: 'ignore', windowsHide: true });
  } else if (target !== undefined) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // The whole group is gone.
    }
  }
}

/**
 * How to kill a process and everything it started: the target of a signal, the arguments of `taskkill`, or undefined.
 * Windows has no groups: `taskkill` finds the children of a process that is alive, and would hit another one that got the
 * id of a process that is not.
 */
export function killTarget(pid: number, hasExited: boolean, platform: NodeJS.Platform) {
  if (platform !== 'win32') return -pid;
  return hasExited ? undefined : ['/pid', String(pid), '/t', '/f'];
}
