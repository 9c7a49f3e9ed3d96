import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  actionProcess,
  changesIn,
  countsChanges,
  diesAtChange,
  serveLoopback,
  spread,
  temporaryDirectory,
} from '@slipway/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bundle, eventFile, filesIn, jobEnvironment, message, newStore, secret } from './receiving.ts';

describe('I5: a run that receives a message and is killed', () => {
  test('leaves only whole files, wherever it was, and running again finishes it', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `app-${index}.zip`);
    const contentOf = (name: string): string => name + 'x'.repeat(2 ** 20);
    const server = await serveLoopback(async ({ url = '' }, response) => {
      response.end(contentOf(url.slice(1)));
    });
    onTestFinished(() => server.close());
    const artifacts = names.map((name) => ({
      name,
      sizeBytes: contentOf(name).length,
      sha256: createHash('sha256').update(contentOf(name)).digest('hex'),
      url: `${server.url}/${name}`,
    }));
    const event = eventFile(await message({}, { artifacts }));
    const run = (workspace: string, nodeOptions: readonly string[]) =>
      actionProcess(bundle, {
        workspace,
        nodeOptions,
        environment: jobEnvironment(event),
        inputs: {
          'signing-secret': secret,
          'fetch-to': 'fetched',
          'artifact-hosts': new URL(server.url).host,
        },
      });
    const whole = await run(temporaryDirectory('workspace'), countsChanges);
    expect(whole.exitCode, whole.log).toBe(0);

    const workspace = temporaryDirectory('workspace');
    const fetched = (): Readonly<Record<string, string>> => filesIn(join(workspace, 'fetched'));
    // One after the other in the same place, so that each finds what the previous one left.
    let kills = 0;
    for (const change of spread(6, changesIn(whole.log))) {
      const { signal, exitCode, log } = await run(workspace, diesAtChange(change));
      // A run that finds files in place makes fewer changes, and may finish.
      if (signal === 'SIGKILL') kills += 1;
      else expect(exitCode, log).toBe(0);
      for (const [path, content] of Object.entries(fetched())) {
        if (!path.startsWith('.slipway-fetch/')) expect(content).toBe(contentOf(path));
      }
    }
    expect(kills).toBeGreaterThan(3);
    const last = await run(workspace, []);
    expect(last.exitCode, last.log).toBe(0);
    expect(Object.keys(fetched()).sort()).toEqual(names);
  });

  test('keeps other runs from its message once it has claimed it, and may claim it again itself', async () => {
    const event = eventFile(await message());
    const start = (id: string, seen: string, nodeOptions: readonly string[]) =>
      actionProcess(bundle, {
        nodeOptions,
        environment: { ...jobEnvironment(event), GITHUB_RUN_ID: id },
        inputs: { 'signing-secret': secret, seen },
      });
    const whole = await start('0', newStore().url, countsChanges);
    expect(whole.exitCode, whole.log).toBe(0);
    const changes = changesIn(whole.log);
    const { url } = newStore();
    for (const [id, change] of spread(6, changes).entries()) {
      const { signal, log } = await start(String(id), url, diesAtChange(change));
      // Runs after the one that claimed it are refused before they get that far.
      if (signal !== 'SIGKILL') expect(log).toContain('(replayed)');
    }
    // All killed runs run again at once.
    const again = await Promise.all(Array.from({ length: 6 }, (_, id) => start(String(id), url, [])));
    const won = again.filter(({ exitCode }) => exitCode === 0);
    expect(won, again.map(({ log }) => log).join('\n')).toHaveLength(1);
    for (const lost of again.filter(({ exitCode }) => exitCode !== 0))
      expect(lost.log).toContain('(replayed)');
  });
});
