import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeKey, temporaryDirectory } from '@slipway/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { registry } from '../src/registry.ts';
import { command } from './command.ts';

const secret = 'f'.repeat(64);

describe('what a command printed with --json is the list of artifacts of the next', () => {
  const workDirectory = temporaryDirectory('reports');

  const slipway = (...args: string[]) =>
    command(undefined, args, {
      registry,
      workDirectory,
      environment: { SLIPWAY_SECRET: secret, SLIPWAY_SIGNING_SECRET: secret },
      open: async function* (path) {
        yield readFileSync(join(workDirectory, path));
      },
    });
  /** Runs a command, and keeps its standard output as `name`. */
  const kept = async (
    name: string,
    ...args: string[]
  ): Promise<{ readonly artifacts?: readonly object[] }> => {
    const ran = await slipway(...args, '--json');
    expect(ran.status, ran.error).toBe(0);
    writeFileSync(join(workDirectory, name), ran.output);
    return JSON.parse(ran.output) as { readonly artifacts?: readonly object[] };
  };

  beforeAll(async () => {
    writeFileSync(join(workDirectory, 'app'), 'the app');
    writeFileSync(join(workDirectory, 'key.asc'), (await makeKey({ type: 'ed25519' })).privateArmored);
  });

  test('from packing to the message, with the link of every file', async () => {
    const pack = ['archive-pack', '--archives', 'app.zip: app', '--platforms', 'app.zip: linux'];
    await kept('packed.json', ...pack, '--output-directory', 'out');
    const sign = ['artifact-sign', '--artifacts', 'packed.json', '--signing-key', '@key.asc'];
    const signed = await kept('signed.json', ...sign, '--checksums', 'out/SHA256SUMS');
    const names = ['app.zip', 'app.zip.asc', 'SHA256SUMS'];
    expect(signed.artifacts).toEqual(
      expect.arrayContaining(names.map((name) => expect.objectContaining({ name }))),
    );
    const destination = pathToFileURL(join(workDirectory, 'published')).href;
    const publish = ['download-publish', '--artifacts', 'signed.json', '--destination', destination];
    const published = await kept('published.json', ...publish, '--base-url', 'https://example.org');
    expect(published.artifacts).toHaveLength(signed.artifacts?.length ?? 0);
    const tell = [
      'repository-dispatch',
      '--artifacts',
      'published.json',
      '--targets',
      'acme/site',
      '--dry-run',
    ];
    const source = ['--event-type', 'release', '--source-repository', 'acme/app'];
    const told = await kept('told.json', ...tell, ...source);
    for (const name of names)
      expect(JSON.stringify(told)).toMatch(new RegExp(`https://example\\.org/[^"]+/${name}"`));
  });

  test('but not of a run that only planned: it says what is missing', async () => {
    const pack = ['archive-pack', '--archives', 'app.zip: app', '--output-directory', 'planned', '--dry-run'];
    await kept('planned.json', ...pack);
    const sign = ['artifact-sign', '--artifacts', 'planned.json', '--signing-key', '@key.asc'];
    const ran = await slipway(...sign);
    expect(ran.status).toBe(1);
    expect(ran.error).toContain('an object without "artifacts"');
  });
});
