import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { killTarget, startProcess } from '../src/process.ts';
import { isGone } from './programs.ts';

const directory = temporaryDirectory('process');
const environment = { PATH: process.env['PATH'] ?? '' };
const start = (...command: readonly [string, ...string[]]) =>
  startProcess({ command, directory, environment });
const shell = (script: string, ...args: readonly string[]) => start('sh', '-c', script, 'sh', ...args);

/** How a script for a shell ends, which is stopped after `stopAfterMs`. */
async function endOf(script: string, { stdin = '', stopAfterMs = 20_000 } = {}) {
  const running = await shell(script);
  running.write(stdin, true);
  const timer = setTimeout(() => running.stop('was stopped'), stopAfterMs);
  return running.ended.finally(() => clearTimeout(timer));
}

function pidIn(name: string): number {
  return Number(readFileSync(join(directory, name), 'utf8'));
}

describe('a program', () => {
  test('is given what it reads, and its words as they are', async () => {
    const word = `a b "c" 'd' $HOME \`e\` * {} é\n`;
    const running = await shell('cat; printf "%s" "$1"', word);
    running.write('read ', true);
    expect(await running.ended).toEqual({ status: 0, stdout: `read ${word}`, stderr: '' });
  });

  test('that does not read what it is given is no failure', async () => {
    const end = await endOf('exec 0<&-; exit 0', { stdin: 'x'.repeat(2 ** 20) });
    expect(end).toMatchObject({ status: 0, stdout: '' });
  });

  test('tells its status, or the signal that ended it', async () => {
    expect((await endOf('exit 3')).status).toBe(3);
    expect((await endOf('kill -SEGV $$')).status).toBe('was killed by SIGSEGV');
  });

  test('that is not there, or gets a word that no program can be given, cannot be started', async () => {
    await expect(start('no-such-program')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(shell('true', 'a\0b')).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });

  test('gets no other variables', async () => {
    const { stdout } = await endOf('env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= | cut -d= -f1');
    expect(stdout).toBe('PATH\n');
  });

  test('answers line by line, and ends when its input does', async () => {
    const running = await shell('while read -r word; do echo "<$word>"; done');
    for (const word of ['one', 'two', 'é']) {
      running.write(`${word}\n`, false);
      expect(await running.nextLine()).toBe(`<${word}>`);
      expect(running.hasUnread()).toBe(false);
    }
    running.write('', true);
    expect(await running.nextLine()).toBeUndefined();
    expect(await running.ended).toMatchObject({ status: 0, stdout: '' });
  });

  test('has unread output after a second line', async () => {
    const running = await shell("printf 'a\\nb\\n'; sleep 300");
    expect(await running.nextLine()).toBe('a');
    expect(running.hasUnread()).toBe(true);
    running.stop('was stopped');
    expect((await running.ended).status).toBe('was stopped');
  });
});

describe('I8: a hostile program is bounded', () => {
  test('that is stopped, with what it has started', async () => {
    const { status } = await endOf("trap '' TERM; sleep 300 & echo $! > child; echo $$ > self; wait", {
      stopAfterMs: 300,
    });
    expect(status).toBe('was stopped');
    expect(await isGone(pidIn('child'))).toBe(true);
    expect(await isGone(pidIn('self'))).toBe(true);
  });

  test('that ends and leaves another behind with its pipes', async () => {
    const end = await endOf('sleep 300 & echo $! > left; echo key');
    expect(end).toMatchObject({ status: 0, stdout: 'key\n' });
    expect(await isGone(pidIn('left'))).toBe(true);
  });

  test('that prints without end', async () => {
    expect((await endOf('yes')).status).toBe('printed more than one answer and was killed');
  });

  test('that writes without end to its standard error, of which the beginning is kept', async () => {
    const { status, stderr } = await endOf('echo first >&2; yes >&2', { stopAfterMs: 500 });
    expect(status).toBe('was stopped');
    expect(stderr).toMatch(/^first\ny\n/);
    expect(stderr.length).toBe(8 * 1024);
  });

  test.each(["printf '\\377\\376'", "printf '\\303'", "printf '\\377\\n'; sleep 300"])(
    'that prints bytes that are no text: %s',
    async (script) => {
      const running = await shell(script);
      expect(await running.nextLine()).toBeUndefined();
      expect((await running.ended).status).toBe('printed something that is not UTF-8');
    },
  );
});

test('a process group is killed by a signal to all of it, and on Windows a living process with its children', () => {
  expect(killTarget(42, false, 'linux')).toBe(-42);
  expect(killTarget(42, true, 'darwin')).toBe(-42);
  expect(killTarget(42, false, 'win32')).toEqual(['/pid', '42', '/t', '/f']);
  expect(killTarget(42, true, 'win32')).toBeUndefined();
});
