import { styleText } from 'node:util';
import { type Clock, type ProgressPort, printable, printableLine, type Redactor } from '@slipway/core';
import { doneText, progressText, type Step } from '@slipway/runner';

const redrawEveryMs = 100;
const plainProgressEveryMs = 5_000;
const clearLine = '\r\u001b[2K';

export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface Terminal {
  readonly output: Stream;
  readonly error: Stream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export type Style = 'red' | 'yellow' | 'cyan' | 'bold' | 'dim';

/** Writes redacted lines to a stream, in colour on a terminal unless `NO_COLOR` is set. */
export function lineWriter(stream: Stream, terminal: Terminal, redactor: Redactor) {
  const coloured =
    stream.isTTY === true && !terminal.environment['NO_COLOR'] && terminal.environment['TERM'] !== 'dumb';
  return {
    /** `text` may have several lines. Each is made printable, and none is shortened. */
    line(text: string, style?: Style): void {
      for (const line of redactor.redact(text).split(/\r?\n/)) {
        const safe = printableLine(line);
        const styled =
          coloured && style !== undefined ? styleText(style, safe, { validateStream: false }) : safe;
        stream.write(`${styled}\n`);
      }
    },
  };
}

/**
 * Progress on standard error: on a terminal one line that is redrawn, with rate and time left; elsewhere a line at the
 * beginning and end of a step, and every five seconds in between.
 */
export function terminalProgress(
  terminal: Terminal,
  redactor: Redactor,
  clock: Clock,
  debug: boolean,
): ProgressPort & { finish(): void } {
  const { error } = terminal;
  const live = error.isTTY === true && terminal.environment['TERM'] !== 'dumb';
  const writer = lineWriter(error, terminal, redactor);
  let step: Step | undefined;
  let lastDrawnMs = 0;

  const draw = (nowMs: number): void => {
    if (step === undefined) return;
    const text = `${printable(redactor.redact(step.name))}: ${progressText(step, nowMs)}`;
    error.write(`${clearLine}${text.slice(0, (error.columns ?? 80) - 1)}`);
  };
  const clear = (): void => {
    if (live && step !== undefined) error.write(clearLine);
  };
  const finish = (): void => {
    clear();
    if (step !== undefined) writer.line(`${step.name}: ${doneText(step, clock.nowMs())}`, 'dim');
    step = undefined;
  };
  const line = (text: string, style?: Style): void => {
    clear();
    writer.line(text, style);
    if (live) draw(clock.nowMs());
  };

  return {
    start(name, total, unit) {
      finish();
      step = { name, total, unit, startedMs: clock.nowMs(), done: 0 };
      lastDrawnMs = step.startedMs;
      if (live) draw(step.startedMs);
      else writer.line(`${name} …`);
    },
    advance(amount) {
      if (step === undefined) return;
      step.done += amount;
      const nowMs = clock.nowMs();
      if (nowMs - lastDrawnMs < (live ? redrawEveryMs : plainProgressEveryMs)) return;
      lastDrawnMs = nowMs;
      if (live) draw(nowMs);
      else writer.line(`${step.name}: ${progressText(step, nowMs)}`);
    },
    info: (text) => line(text),
    debug: (text) => debug && line(text, 'dim'),
    finish,
  };
}
