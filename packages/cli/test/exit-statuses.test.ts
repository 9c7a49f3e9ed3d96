import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeKey, serveLoopback, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { exitStatuses } from '../src/exit-statuses.ts';
import { generalHelp } from '../src/help.ts';
import { command } from './command.ts';

const main = resolve(import.meta.dirname, '../src/main.ts');

/** Starts the program itself. */
function start(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ['--conditions=source', main, ...args], {
    cwd: temporaryDirectory('statuses'),
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], ...environment },
  });
  return { child, status: once(child, 'exit').then(([code]) => code as number | null) };
}

describe('the process ends with', () => {
  test('0 when it is done, 1 when it failed, and 2 when its arguments are wrong', async () => {
    const { publicArmored } = await makeKey({ type: 'ed25519' });
    const verify = (mirror: string) =>
      start(['buildcache-verify', '--mirror', mirror], { SLIPWAY_TRUSTED_KEYS: publicArmored }).status;
    expect(await start(['--version']).status).toBe(0);
    expect(await verify(pathToFileURL(temporaryDirectory('no-mirror')).href)).toBe(1);
    expect(await verify('nowhere')).toBe(2);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('128 and the number of the signal for %s', async (signal) => {
    // It waits for an answer that never comes.
    const asked = Promise.withResolvers<void>();
    const server = await serveLoopback(async () => asked.resolve());
    const { publicArmored } = await makeKey({ type: 'ed25519' });
    const { child, status } = start(['buildcache-verify', '--mirror', server.url], {
      SLIPWAY_TRUSTED_KEYS: publicArmored,
    });
    let error = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      error += text;
    });
    await Promise.race([asked.promise, status]);
    child.kill(signal);
    expect(await status, error).toBe(128 + constants.signals[signal]);
    expect(error).toContain(`cancelled (${signal})`);
    server.close();
  });
});

describe('every status', () => {
  const statuses = Object.entries(exitStatuses);

  test('is in the help, of slipway and of each action', async () => {
    const { registry } = await import('../src/registry.ts');
    const ofAction = await command(undefined, ['archive-pack', '--help'], { registry });
    for (const help of [generalHelp([]), ofAction.output]) {
      for (const [status, meaning] of statuses) {
        expect(help).toMatch(new RegExp(`^ +${status} +${meaning.slice(0, 20)}`, 'm'));
      }
    }
  });

  test('is in the guide for when something is wrong', () => {
    const guide = readFileSync(
      join(import.meta.dirname, '../../../docs/guides/when-something-is-wrong.md'),
      'utf8',
    );
    for (const [status] of statuses) expect(guide).toMatch(new RegExp(`^\\| ${status} +\\|`, 'm'));
  });
});
