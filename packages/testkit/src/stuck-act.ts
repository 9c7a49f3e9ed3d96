import { closeSync, constants, existsSync, openSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import { descendantsOf } from './process-tree.ts';

const lookEveryMs = 1_000;
const remindAfterMs = 5_000;
const giveUpAfterMs = 30_000;
const endOfTransmission = '\u0004';

/**
 * Watches act (v0.2.87), which can wait forever after a step: it writes an EOT behind the step's output into the terminal that it
 * gave to the step, and goes on when it reads that back, but only as the last byte of a read. Once it has no process below it
 * and prints nothing, it is reminded by another EOT; where that does not help, `giveUp` is called. Linux only: elsewhere it is left
 * alone.
 */
export function watchAct(pid: number, giveUp: () => void): { heard(): void; stop(): void } {
  let heardMs = performance.now();
  const timer = setInterval(() => {
    const silentMs = performance.now() - heardMs;
    if (silentMs < remindAfterMs || !existsSync(`/proc/${pid}/fd`)) return;
    if (descendantsOf(pid).length > 0) heardMs = performance.now();
    else if (silentMs < giveUpAfterMs) remind(pid);
    else giveUp();
  }, lookEveryMs);
  return {
    heard: () => {
      heardMs = performance.now();
    },
    stop: () => clearInterval(timer),
  };
}

function remind(pid: number): void {
  try {
    for (const name of readdirSync(`/proc/${pid}/fd`)) {
      const path = `/proc/${pid}/fd/${name}`;
      if (readlinkSync(path).startsWith('/dev/pts/')) writeTo(path);
    }
  } catch {
    // It ended or went on meanwhile; if not, it is looked at again.
  }
}

function writeTo(terminalPath: string): void {
  const terminal = openSync(terminalPath, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
  try {
    writeSync(terminal, endOfTransmission);
  } finally {
    closeSync(terminal);
  }
}
