import { type Clock, Redactor } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { terminalProgress } from '../src/terminal.ts';

function recorded(isTTY: boolean, debug = false) {
  let written = '';
  let nowMs = 0;
  const clock: Clock = { nowMs: () => nowMs, sleep: async () => {}, random: () => 0 };
  const redactor = new Redactor();
  const error = { write: (text: string) => (written += text), isTTY, columns: 60 };
  const terminal = { output: error, error, environment: { NO_COLOR: '1' } };
  const progress = terminalProgress(terminal, redactor, clock, debug);
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { progress, pass, redactor, written: () => written };
}

/** What is on the screen after `text`: a line that begins with a clear replaces the one before. */
function screen(text: string): readonly string[] {
  return text.split('\n').map((line) => line.slice(line.lastIndexOf('\u001b[2K') + 1).replace('[2K', ''));
}

describe('progress on a terminal', () => {
  test('is one line that is drawn over, with rate and time left, and leaves what was done', () => {
    const { progress, pass, written } = recorded(true);
    progress.start('Upload', 4_000_000, 'bytes');
    pass(1_000);
    progress.advance(1_000_000);
    expect(screen(written())).toEqual(['Upload: 976.6 KiB of 3.81 MiB (25%), 976.6 KiB/s, 3.0 s lef']);
    progress.info('a line between');
    pass(10);
    progress.advance(1);
    progress.finish();
    expect(screen(written())).toEqual(['a line between', 'Upload: 976.6 KiB in 1.0 s', '']);
  });

  test('elsewhere is a line now and then, without control characters', () => {
    const { progress, pass, written } = recorded(false);
    progress.start('Upload', 100, 'entries');
    for (let index = 0; index < 100; index += 1) {
      pass(100);
      progress.advance(1);
    }
    progress.finish();
    expect(written().split('\n')).toEqual([
      'Upload …',
      'Upload: 50 entries of 100 entries (50%), 10/s, 5.0 s left',
      'Upload: 100 entries of 100 entries (100%), 10/s',
      'Upload: 100 entries in 10.0 s',
      '',
    ]);
  });

  test('I7, I8: names and lines are redacted and made printable, debug lines only when asked for', () => {
    for (const isTTY of [true, false]) {
      const { progress, redactor, written } = recorded(isTTY);
      redactor.add('hunter2');
      progress.start('Step hunter2\u0007');
      progress.info('info hunter2\u0007');
      progress.debug('debug');
      progress.finish();
      expect(written()).not.toMatch(/hunter2|\u0007|debug/);
      expect(written()).toContain('info ***');
    }
    const { progress, written } = recorded(false, true);
    progress.debug('debug');
    expect(written()).toContain('debug');
  });
});
