import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { killCommand, type ProcessRequest, type ProcessResult, startProcess } from '../src/process.ts';
import { isGone } from './programs.ts';

const directory = temporaryDirectory('process');
const base = {
  directory,
  environment: { PATH: process.env['PATH'] ?? '' },
  timeoutMs: 20_000,
  maxUnreadBytes: 1_000,
  interrupt: new AbortController().signal,
};
function runProcess(request: ProcessRequest, stdin = ''): Promise<ProcessResult> {
  const running = startProcess(request);
  running.write(stdin, true);
  return running.ended;
}
const node = (script: string, more: Partial<ProcessRequest> = {}) =>
  runProcess({ ...base, command: [process.execPath, '-e', script], ...more });
const shell = (script: string, more: Partial<ProcessRequest> = {}, stdin = '') =>
  runProcess({ ...base, command: ['sh', '-c', script], ...more }, stdin);

function pidIn(name: string): number {
  return Number(readFileSync(join(directory, name), 'utf8'));
}

describe('a program', () => {
  test('is given what it reads, and its words as they are', async () => {
    const word = `a b "c" 'd' $HOME \`e\` * {} é\n`;
    const command = ['sh', '-c', 'cat; printf "%s" "$1"', 'sh', word] as const;
    const { ending } = await runProcess({ ...base, command: [...command] }, 'read ');
    expect(ending).toEqual({ kind: 'exited', status: 0, stdout: `read ${word}` });
  });

  test('that does not read what it is given is no failure', async () => {
    const { ending } = await shell('exec 0<&-; exit 0', {}, 'x'.repeat(2 ** 20));
    expect(ending).toEqual({ kind: 'exited', status: 0, stdout: '' });
  });

  test('tells its status, or the signal that ended it', async () => {
    expect((await shell('exit 3')).ending).toEqual({ kind: 'exited', status: 3, stdout: '' });
    expect((await shell('kill -SEGV $$')).ending).toEqual({ kind: 'signalled', signal: 'SIGSEGV' });
  });

  test('that is not there cannot be started', async () => {
    const { ending } = await runProcess({ ...base, command: ['no-such-program'] });
    expect(ending).toEqual({ kind: 'not-started', reason: 'ENOENT' });
  });

  test('with a word that no program can be given cannot be started', async () => {
    const { ending } = await runProcess({ ...base, command: ['sh', '-c', 'true', 'a\0b'] });
    expect(ending).toEqual({ kind: 'not-started', reason: 'ERR_INVALID_ARG_VALUE' });
  });

  test('gets no other variables', async () => {
    const { ending } = await shell('env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= | cut -d= -f1');
    expect(ending).toEqual({ kind: 'exited', status: 0, stdout: 'PATH\n' });
  });
});

describe('I8: a hostile program is bounded', () => {
  test('that hangs, with what it has started', async () => {
    const { ending } = await shell('sleep 300 & echo $! > child; echo $$ > self; wait', { timeoutMs: 300 });
    expect(ending).toEqual({ kind: 'timed-out' });
    expect(await isGone(pidIn('child'))).toBe(true);
    expect(await isGone(pidIn('self'))).toBe(true);
  });

  test('that ends and leaves another behind with its pipes', async () => {
    const { ending } = await shell('sleep 300 & echo $! > left; echo key');
    expect(ending).toEqual({ kind: 'exited', status: 0, stdout: 'key\n' });
    expect(await isGone(pidIn('left'))).toBe(true);
  });

  test('that does not end by SIGTERM', async () => {
    const { ending } = await shell("trap '' TERM; echo $$ > stubborn; while :; do sleep 1; done", {
      timeoutMs: 300,
    });
    expect(ending).toEqual({ kind: 'timed-out' });
    expect(await isGone(pidIn('stubborn'))).toBe(true);
  });

  test('that prints without end', async () => {
    const { ending } = await node(
      'const more = () => process.stdout.write("x".repeat(65536), more); more();',
    );
    expect(ending).toEqual({ kind: 'printed-too-much' });
  });

  test('that writes without end to its standard error, of which the beginning is kept', async () => {
    const { ending, stderr } = await node(
      'process.stderr.write("first\\n"); const more = () => process.stderr.write("x".repeat(65536), more); more();',
      { timeoutMs: 1_000 },
    );
    expect(ending).toEqual({ kind: 'timed-out' });
    expect(stderr).toMatch(/^first\nx+$/);
    expect(stderr.length).toBe(8 * 1024);
  });

  test('that prints bytes that are no text', async () => {
    expect((await shell("printf '\\377\\376'")).ending).toEqual({ kind: 'printed-no-text' });
  });

  test('and ends when the whole check does', async () => {
    const interrupt = new AbortController();
    const running = shell('echo $$ > interrupted; sleep 300', { interrupt: interrupt.signal });
    setTimeout(() => interrupt.abort(), 300);
    expect((await running).ending).toEqual({ kind: 'interrupted' });
    expect(await isGone(pidIn('interrupted'))).toBe(true);
    expect((await shell('echo', { interrupt: interrupt.signal })).ending).toEqual({ kind: 'interrupted' });
  });
});

describe('a program that answers line by line', () => {
  const interrupt = new AbortController().signal;

  test('is asked again and again, and ends when its input does', async () => {
    const script = 'while read -r word; do echo "<$word>"; done';
    const { timeoutMs: _, ...untimed } = base;
    const running = startProcess({ ...untimed, interrupt, command: ['sh', '-c', script] });
    for (const word of ['one', 'two', 'é']) {
      running.write(`${word}\n`, false);
      expect(await running.nextLine()).toBe(`<${word}>`);
      expect(running.hasUnread()).toBe(false);
    }
    running.write('', true);
    expect(await running.nextLine()).toBeUndefined();
    expect((await running.ended).ending).toEqual({ kind: 'exited', status: 0, stdout: '' });
  });

  test('has unread output after a second line, and no text in bytes that are not UTF-8', async () => {
    const running = startProcess({ ...base, command: ['sh', '-c', "printf 'a\\nb\\n'; sleep 300"] });
    expect(await running.nextLine()).toBe('a');
    expect(running.hasUnread()).toBe(true);
    running.stop({ kind: 'interrupted' });
    expect((await running.ended).ending).toEqual({ kind: 'interrupted' });
    const binary = startProcess({ ...base, command: ['sh', '-c', "printf '\\377\\n'; sleep 300"] });
    expect(await binary.nextLine()).toBeUndefined();
    expect((await binary.ended).ending).toEqual({ kind: 'printed-no-text' });
  });
});

test('a process group is killed by a signal to all of it, and on Windows a living process with its children', () => {
  expect(killCommand(42, false, 'linux')).toEqual({ kind: 'signal', target: -42 });
  expect(killCommand(42, true, 'darwin')).toEqual({ kind: 'signal', target: -42 });
  expect(killCommand(42, false, 'win32')).toEqual({ kind: 'taskkill', args: ['/pid', '42', '/t', '/f'] });
  expect(killCommand(42, true, 'win32')).toEqual({ kind: 'nothing' });
});
