import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { systemErrorCode } from '@slipway/core';
import type { Command } from './command-line.ts';

const maxStderrBytes = 8 * 1024;
/** How long a program that has ended may leave its pipes open, as one does that left another behind. */
const pipesGraceMs = 500;

export interface ProcessRequest {
  readonly command: Command;
  readonly directory: string;
  /** All variables that the program gets. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it reads; nothing when not given. */
  readonly stdin?: string | undefined;
  readonly timeoutMs: number;
  readonly maxStdoutBytes: number;
  /** Ends it before its time. */
  readonly interrupt: AbortSignal;
}

/** How a program ended. What it printed is hostile, and may have keys in it. */
export type ProcessEnding =
  | { readonly kind: 'exited'; readonly status: number; readonly stdout: string }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'printed-too-much' }
  | { readonly kind: 'printed-no-text' }
  | { readonly kind: 'not-started'; readonly reason: string }
  | { readonly kind: 'interrupted' };

export interface ProcessResult {
  readonly ending: ProcessEnding;
  /** The first 8 KiB of its standard error. */
  readonly stderr: string;
}

/**
 * Runs a program without a shell, in a process group of its own, and resolves when it and its group are gone. Never
 * rejects, prints nothing, and keeps no more than `maxStdoutBytes`: a program that prints more is ended.
 */
export function runProcess(request: ProcessRequest): Promise<ProcessResult> {
  return new Promise((resolve) => {
    const notStarted = (error: unknown): void => {
      const reason = systemErrorCode(error) ?? 'for an unknown reason';
      resolve({ ending: { kind: 'not-started', reason }, stderr: '' });
    };
    if (request.interrupt.aborted) return resolve({ ending: { kind: 'interrupted' }, stderr: '' });
    let child: ReturnType<typeof start>;
    try {
      child = start(request);
    } catch (error) {
      return notStarted(error);
    }
    if (child.pid === undefined) {
      child.once('error', notStarted);
      return;
    }
    const stdout = new Collected(request.maxStdoutBytes);
    const stderr = new Collected(maxStderrBytes);
    let early: ProcessEnding | undefined;
    const endEarly = (ending: ProcessEnding): void => {
      early ??= ending;
      endGroup(child);
    };
    const timer = setTimeout(() => endEarly({ kind: 'timed-out' }), request.timeoutMs);
    const interrupted = (): void => endEarly({ kind: 'interrupted' });
    request.interrupt.addEventListener('abort', interrupted, { once: true });
    child.stdout.on('data', (bytes: Buffer) => {
      if (!stdout.add(bytes)) endEarly({ kind: 'printed-too-much' });
    });
    child.stderr.on('data', (bytes: Buffer) => void stderr.add(bytes));
    // A signal that cannot be sent finds it gone.
    child.on('error', () => {});
    // A program need not read what it is given, and may be gone by then.
    child.stdin.on('error', () => {});
    child.stdin.end(request.stdin ?? '');
    let pipesTimer: NodeJS.Timeout | undefined;
    child.once('exit', () => {
      clearTimeout(timer);
      pipesTimer = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, pipesGraceMs);
    });
    child.once('close', (status, signal) => {
      clearTimeout(pipesTimer);
      request.interrupt.removeEventListener('abort', interrupted);
      endGroup(child);
      running.delete(child);
      resolve({ ending: early ?? endingOf(status, signal, stdout), stderr: stderr.text(false) ?? '' });
    });
  });
}

function start({ command: [program, ...args], directory, environment }: ProcessRequest) {
  const child = spawn(program, args, {
    cwd: directory,
    env: environment,
    stdio: ['pipe', 'pipe', 'pipe'],
    // The leader of a group of its own, so that what it starts can be ended with it.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  if (child.pid !== undefined) {
    if (running.size === 0 && !endsWithUs) {
      endsWithUs = true;
      process.once('exit', () => running.forEach(endGroup));
    }
    running.add(child);
  }
  return child;
}

const running = new Set<ChildProcess>();
let endsWithUs = false;

/** Ends a program and what it has started; one that has ended already is a success. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  if (process.platform === 'win32') {
    spawnSync('taskkill', ['/pid', String(child.pid), '/T', '/F'], { stdio: 'ignore', windowsHide: true });
    return;
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

function endingOf(status: number | null, signal: string | null, stdout: Collected): ProcessEnding {
  if (status === null) return { kind: 'signalled', signal: signal ?? 'an unknown signal' };
  const text = stdout.text(true);
  return text === undefined ? { kind: 'printed-no-text' } : { kind: 'exited', status, stdout: text };
}

/** The first bytes of a stream. */
class Collected {
  readonly #pieces: Buffer[] = [];
  readonly #maxBytes: number;
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False when there are more bytes than are kept. */
  add(bytes: Buffer): boolean {
    const room = this.#maxBytes - this.#sizeBytes;
    if (room > 0) this.#pieces.push(bytes.subarray(0, room));
    this.#sizeBytes += Math.min(room, bytes.length);
    return bytes.length <= room;
  }

  /** As UTF-8; undefined when it is none and shall be. */
  text(strict: boolean): string | undefined {
    try {
      return new TextDecoder('utf-8', { fatal: strict, ignoreBOM: true }).decode(Buffer.concat(this.#pieces));
    } catch {
      return undefined;
    }
  }
}
