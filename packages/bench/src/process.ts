import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { InternalError, printable } from '@slipway/core';

/** How often the high-water mark of a child's memory is read; growth in its last moments is missed. */
const memoryPollMs = 10;
const keptOutputCharacters = 4000;

/** A program to run: no shell, and the environment of this process with `env` over it. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The time and memory of one run of a whole process. */
export interface ProcessRun {
  /** From just before it is started until its end is reported. */
  readonly wallMs: number;
  /** The high-water mark of its resident memory, without children; undefined without `/proc`. */
  readonly peakRssBytes: number | undefined;
  /** From just before it is started until it has written a line to standard output; undefined if it never does. */
  readonly firstLineMs: number | undefined;
}

/** Runs a program to its end. Throws `InternalError` unless its exit code is one of `expectedExitCodes` (0). */
export function runProcess(
  command: Command,
  expectedExitCodes: readonly number[] = [0],
): Promise<ProcessRun> {
  return new Promise((resolve, reject) => {
    let output = '';
    let firstLineMs: number | undefined;
    let peakRssBytes: number | undefined;
    const startMs = performance.now();
    const child = spawn(command.program, command.args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...command.env },
    });
    const poll = setInterval(() => {
      peakRssBytes = peakRssOf(child.pid) ?? peakRssBytes;
    }, memoryPollMs);
    const keep = (chunk: Buffer): void => {
      output = `${output}${chunk.toString('utf8')}`.slice(-keptOutputCharacters);
    };
    child.stdout.on('data', (chunk: Buffer) => {
      if (firstLineMs === undefined && chunk.includes(0x0a)) firstLineMs = performance.now() - startMs;
      keep(chunk);
    });
    child.stderr.on('data', keep);
    child.on('error', (error) => {
      clearInterval(poll);
      reject(new InternalError(`${command.program} could not be started`, { cause: error }));
    });
    child.on('close', (exitCode) => {
      const wallMs = performance.now() - startMs;
      clearInterval(poll);
      if (exitCode !== null && expectedExitCodes.includes(exitCode)) {
        resolve({ wallMs, peakRssBytes, firstLineMs });
        return;
      }
      const line = [command.program, ...command.args].join(' ');
      reject(
        new InternalError(
          `exit code ${exitCode} from ${printable(line)}\n${output
            .split('\n')
            .map((text) => printable(text))
            .join('\n')}`,
        ),
      );
    });
  });
}

function peakRssOf(processId: number | undefined): number | undefined {
  if (processId === undefined) return undefined;
  try {
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${processId}/status`, 'latin1'));
    return match === null ? undefined : Number(match[1]) * 1024;
  } catch {
    // It has just ended, or the system has no /proc.
    return undefined;
  }
}
