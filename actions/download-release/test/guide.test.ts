// Slow: about 110 s.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gpgMissing, openGpgHome, temporaryDirectory } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archives, releasedFiles as files, productRepository, released } from './guide.ts';
import { haveWorld, outputOf, resultsOf, served, sha256, World } from './world.ts';

const minutesMs = 60_000;

describe.skipIf(!haveWorld())(
  'the workflows of the guide to secure downloads (needs act, minio, varnishd and gh)',
  () => {
    let world: World;
    beforeAll(async () => {
      world = await World.start();
    });
    afterAll(() => world?.stop());

    it(
      'release a tag: packed, keys checked, signed, published, proven, announced, received, deployed, and made assets',
      async () => {
        const run = await world.release('whole', { runId: '4001' });
        expect(run.exitCode, run.log).toBe(0);
        expect(resultsOf(run)).toMatchObject(released);
        const sent = world.lastSent;
        expect(sent.map(({ name }) => name).sort()).toEqual(files);
        for (const { url, sha256: expected } of sent) expect(await served(url)).toBe(expected);

        await world.untilReceived();
        const [received] = world.receivedRuns;
        expect(received?.exitCode, received?.log).toBe(0);
        const deployed = received?.jobs['deploy']?.log ?? '';
        expect(deployed).toContain('deployed v1.0.0');
        for (const { name, sha256: hash } of sent.filter(({ name }) => archives.includes(name)))
          expect(deployed).toContain(`${hash}  ${name}`);

        const [release] = world.releases.releases;
        expect(release).toMatchObject({ tag: 'v1.0.0', isDraft: false });
        expect([...(release?.assets.keys() ?? [])].sort()).toEqual([...files, 'artifacts.json'].sort());
        const directory = temporaryDirectory('assets');
        for (const [name, bytes] of release?.assets ?? []) writeFileSync(join(directory, name), bytes);
        execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: directory, stdio: 'pipe' });
        if (gpgMissing) return;
        using gpg = openGpgHome(world.key.publicArmored);
        for (const name of files.filter((file) => !file.endsWith('.asc')))
          expect(gpg.isGoodDetached(join(directory, `${name}.asc`), join(directory, name)), name).toBe(true);
      },
      2 * minutesMs,
    );

    it(
      'run for the same tag again store nothing, and change no asset; a repeated message is acted on once',
      async () => {
        const before = {
          keys: await world.cdn.keys('whole/'),
          sent: world.lastSent,
          changes: world.releases.changes.length,
        };
        const again = await world.release('whole');
        expect(again.exitCode, again.log).toBe(0);
        expect(resultsOf(again)).toMatchObject(released);
        expect(outputOf(again, 'publish', 'publish', 'uploaded')).toBe('0');
        expect({
          keys: await world.cdn.keys('whole/'),
          sent: world.lastSent,
          changes: world.releases.changes.length,
        }).toEqual(before);
        await world.untilReceived();
        expect(world.receivedRuns.map(({ exitCode }) => exitCode)).toEqual([0, 0]);

        // The run of the first release, completely rerun.
        const rerun = await world.release('whole', { runId: '4001' });
        expect(rerun.exitCode, rerun.log).toBe(0);
        await world.untilReceived();
        const refused = world.receivedRuns.at(-1);
        expect(refused?.exitCode).toBe(1);
        expect(refused?.jobs['deploy']?.steps['2']).toBeUndefined();
      },
      3 * minutesMs,
    );

    it(
      'run by two at once end with the same files',
      async () => {
        const both = await Promise.all([world.release('both'), world.release('both')]);
        for (const run of both) expect(run.exitCode, run.log).toBe(0);
        const stored = both.map((run) => Number(outputOf(run, 'publish', 'publish', 'uploaded')));
        const keys = await world.cdn.keys('both/');
        expect(keys.filter((key) => key.endsWith('.zip')).length).toBeGreaterThanOrEqual(2 * archives.length);
        expect(stored.reduce((sum, count) => sum + count, 0)).toBe(keys.length);
        await world.untilReceived();
        expect(world.receivedRuns.slice(-2).map(({ exitCode }) => exitCode)).toEqual([0, 0]);
      },
      3 * minutesMs,
    );

    const byHand = (operation: string, more: Readonly<Record<string, string>> = {}) => ({
      event: { name: 'workflow_dispatch', ref: 'refs/tags/v1.0.0' },
      inputs: { operation, 'from-run': '', 'dry-run': 'false', ...more },
    });

    it(
      'prove what an earlier run released, started by hand, and store it again without building it',
      async () => {
        const verified = await world.release('whole', byHand('verify', { 'from-run': '4001' }));
        expect(verified.exitCode, verified.log).toBe(0);
        expect(resultsOf(verified)).toMatchObject({ publish: 'success' });
        expect(verified.jobs['pack']).toBeUndefined();
        expect(Number(outputOf(verified, 'publish', 'verify', 'proven'))).toBeGreaterThan(0);

        const events = world.github.events.length;
        const uploaded = await world.release('elsewhere', byHand('upload', { 'from-run': '4001' }));
        expect(uploaded.exitCode, uploaded.log).toBe(0);
        expect((await world.cdn.keys('elsewhere/')).length).toBeGreaterThanOrEqual(2 * files.length);
        expect(world.github.events.length).toBe(events);
      },
      3 * minutesMs,
    );

    it(
      'refuse different bytes under the same names until they are forced by hand',
      async () => {
        const other = productRepository('1.0.0-rebuilt');
        const before = await world.cdn.keys('whole/');
        const refused = await world.release('whole', { files: other });
        expect(refused.exitCode).toBe(1);
        expect(resultsOf(refused)).toMatchObject({ sign: 'success', publish: 'failure' });
        const rehearsed = await world.release('whole', {
          files: other,
          ...byHand('force', { 'dry-run': 'true' }),
        });
        expect(rehearsed.exitCode, rehearsed.log).toBe(0);
        const events = world.github.events.length;
        const forced = await world.release('whole', { files: other, ...byHand('force') });
        expect(forced.exitCode, forced.log).toBe(0);
        expect(world.github.events.length).toBe(events + 1);
        expect(await world.cdn.keys('whole/')).toEqual(before);
        for (const { url, sha256: expected } of world.lastSent) expect(await served(url)).toBe(expected);
        const assets = world.releases.releases.at(-1)?.assets;
        for (const { name, sha256: expected } of world.lastSent)
          expect(sha256(assets?.get(name) ?? new Uint8Array()), name).toBe(expected);
        await world.untilReceived();
        expect(world.receivedRuns.at(-1)?.exitCode).toBe(0);
      },
      3 * minutesMs,
    );

    it(
      'announce by hand what was released: from its assets, with nothing built, and the site acts on it again',
      async () => {
        const before = { events: world.github.events.length, received: world.receivedRuns.length };
        const first = world.lastId;
        const run = await world.release('whole', byHand('announce'));
        expect(run.exitCode, run.log).toBe(0);
        expect(resultsOf(run)).toEqual({ check: 'success', publish: 'success' });
        expect(world.github.events.length).toBe(before.events + 1);
        expect(world.lastId).not.toBe(first);
        expect(world.lastSent.map(({ name }) => name).sort()).toEqual(files);
        await world.untilReceived();
        expect(world.receivedRuns.length).toBe(before.received + 1);
        expect(world.receivedRuns.at(-1)?.exitCode).toBe(0);
        expect(world.receivedRuns.at(-1)?.jobs['deploy']?.log).toContain('deployed v1.0.0');
      },
      2 * minutesMs,
    );

    it(
      'save a message that does not reach the site, which accepts it by hand, and again only on request',
      async () => {
        const untold = await world.release('whole', {
          ...byHand('announce'),
          runId: '4100',
          secrets: { DISPATCH_TOKEN: 'ghp_aTokenThatNobodyKnowsAnyMore0000000' },
        });
        expect(untold.exitCode).toBe(1);
        const messages = world.artifact('4100', 'messages');
        expect(Object.keys(messages)).toEqual(['example.site.json']);
        const text = messages['example.site.json'] ?? '';

        const received = await world.receiveByHand(text, false);
        expect(received.exitCode, received.log).toBe(0);
        expect(received.jobs['deploy']?.log).toContain('deployed v1.0.0');
        const twice = await world.receiveByHand(text, false);
        expect(twice.exitCode).toBe(1);
        expect(twice.log).toContain('again');
        const again = await world.receiveByHand(text, false, { again: true });
        expect(again.exitCode, again.log).toBe(0);
        expect(again.jobs['deploy']?.log).toContain('deployed v1.0.0');

        const changed = JSON.stringify({ ...(JSON.parse(text) as object), version: 'v6.6.6' });
        const forged = await world.receiveByHand(changed, false, { again: true });
        expect(forged.exitCode).toBe(1);
        expect(forged.jobs['deploy']?.steps['2']).toBeUndefined();
      },
      2 * minutesMs,
    );

    it.each(['release', 'force', 'announce'])(
      'refuse the name of a branch as the version of %s',
      async (operation) => {
        const events = world.github.events.length;
        const run = await world.release('branch', {
          ...byHand(operation),
          event: { name: 'workflow_dispatch', ref: 'refs/heads/main' },
        });
        expect(run.exitCode).toBe(1);
        expect(run.log).toContain('version is main, which is the name of a branch');
        expect(await world.cdn.keys('branch/')).toEqual([]);
        expect(world.github.events.length).toBe(events);
      },
    );

    it(
      'renew on their schedule the files and platforms of the latest release, prove them, and send no message',
      async () => {
        const events = world.github.events.length;
        const schedule = { event: { name: 'schedule', ref: 'refs/heads/main' } };
        const run = await world.release('renewed', schedule);
        expect(run.exitCode, run.log).toBe(0);
        expect(resultsOf(run)).toEqual({ check: 'success', publish: 'success' });
        expect(Number(outputOf(run, 'publish', 'verify', 'proven'))).toBeGreaterThan(0);
        const below = async (prefix: string) =>
          (await world.cdn.keys(`${prefix}/downloads/`)).map((key) => key.slice(prefix.length));
        const [released, renewed] = [await below('whole'), await below('renewed')];
        expect(renewed.length).toBeGreaterThanOrEqual(2 * files.length);
        // A window may have ended between the two.
        const windows = new Set(released.map((key) => key.split('/')[2]));
        const common = renewed.filter((key) => windows.has(key.split('/')[2]));
        expect(common.length).toBeGreaterThan(0);
        expect(released).toEqual(expect.arrayContaining(common));
        expect(world.github.events.length).toBe(events);
        const again = await world.release('renewed', schedule);
        expect(outputOf(again, 'publish', 'publish', 'uploaded'), again.log).toBe('0');
      },
      2 * minutesMs,
    );

    it('clean up when started by hand, and keep what is current', async () => {
      const before = await world.cdn.keys('both/');
      const run = await world.release('both', byHand('cleanup'));
      expect(run.exitCode, run.log).toBe(0);
      expect(resultsOf(run)).toMatchObject({ cleanup: 'success' });
      expect(run.jobs['build']).toBeUndefined();
      expect(await world.cdn.keys('both/')).toEqual(before);
    });
  },
);
