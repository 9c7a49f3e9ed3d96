import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Kills a process, all its descendants, and every process that has `mark` in its environment: neither a session of its own nor a parent
 * that has ended protects one. All are stopped before the first is killed, or one could start another unseen. Without `/proc` only the
 * process itself is killed; the others are hung up on. Returns what it killed.
 */
export function killWithDescendants(child: ChildProcess, mark: string): ReadonlySet<number> {
  if (child.pid === undefined) return new Set();
  const isRunning = child.exitCode === null && child.signalCode === null;
  const stopped = new Set(isRunning ? [child.pid] : []);
  send('SIGSTOP', stopped);
  for (;;) {
    const started = processesOf(mark, stopped);
    if (started.length === 0) break;
    send('SIGSTOP', started);
    for (const pid of started) stopped.add(pid);
  }
  send('SIGKILL', stopped);
  return stopped;
}

/** The processes with `mark` in their environment and those that descend from them or from `known`, which are left out. */
export function processesOf(mark: string, known: ReadonlySet<number> = new Set()): readonly number[] {
  const processes = runningProcesses();
  const found = new Set(known);
  let before: number;
  do {
    before = found.size;
    for (const { pid, parent, environment } of processes)
      if (found.has(parent) || environment.includes(mark)) found.add(pid);
  } while (found.size > before);
  return [...found].filter((pid) => !known.has(pid));
}

function send(signal: 'SIGSTOP' | 'SIGKILL', pids: Iterable<number>): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended, or this system has no such signal.
    }
  }
}

interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  readonly environment: string;
}

function runningProcesses(): readonly RunningProcess[] {
  if (!existsSync('/proc/self/stat')) return [];
  const names = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return names.flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // One that has ended has no environment, and starts nothing.
      if (state === 'Z' || state === 'X') return [];
      return [{ pid: Number(name), parent: Number(parent), environment: environmentOf(name) }];
    } catch {
      return []; // It has already ended.
    }
  });
}

/** Empty for processes of other users. */
function environmentOf(name: string): string {
  try {
    return readFileSync(`/proc/${name}/environ`, 'utf8');
  } catch {
    return '';
  }
}
