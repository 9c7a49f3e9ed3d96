// Slow: about 310 s.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  gpgMissing,
  openGpgHome,
  temporaryDirectory,
  type WorkflowRun,
  type WorkflowRunOptions,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { productRepository, workflowSecrets } from './guide.ts';
import { haveWorld, World } from './world.ts';

interface SentArtifact {
  readonly name: string;
  readonly sha256: string;
  readonly url: string;
}

const archives = ['linux.zip', 'macos.zip', 'windows.zip'];
const files = [...archives, ...archives.map((name) => `${name}.asc`), 'SHA256SUMS', 'SHA256SUMS.asc'].sort();
const minutesMs = 60_000;

describe.skipIf(!haveWorld())(
  'the workflows of the guide to secure downloads (needs act, minio, varnishd and gh)',
  () => {
    let world: World;
    beforeAll(async () => {
      world = await World.start();
    });
    afterAll(() => world?.stop());

    /** The result of each job that ran. */
    function resultsOf({ jobs }: WorkflowRun): Readonly<Record<string, string | undefined>> {
      const results = Object.entries(jobs).map(([id, { result }]) => [id, result]);
      return Object.fromEntries(results.filter(([, result]) => result !== undefined));
    }

    function outputOf({ jobs }: WorkflowRun, job: string, step: string, name: string): string | undefined {
      return jobs[job]?.steps[step]?.outputs[name];
    }

    /** The artifacts in the last message. */
    function lastSent(): readonly SentArtifact[] {
      const payload = world.github.events.at(-1)?.client_payload as
        | { readonly slipway: { readonly artifacts: readonly SentArtifact[] } }
        | undefined;
      return payload?.slipway.artifacts ?? [];
    }

    function lastId(): string | undefined {
      const payload = world.github.events.at(-1)?.client_payload as
        | { readonly slipway: { readonly id: string } }
        | undefined;
      return payload?.slipway.id;
    }

    async function served(url: string): Promise<string> {
      const response = await fetch(url);
      expect(response.status, url).toBe(200);
      return sha256(new Uint8Array(await response.arrayBuffer()));
    }

    const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

    const released = {
      build: 'success',
      pack: 'success',
      'check-keys': 'success',
      sign: 'success',
      publish: 'success',
      assets: 'success',
    };

    it(
      'release a tag: packed, keys checked, signed, published, proven, announced, received, deployed, and made assets',
      async () => {
        const run = await world.release('whole', { runId: '4001' });
        expect(run.exitCode, run.log).toBe(0);
        expect(resultsOf(run)).toMatchObject(released);
        const sent = lastSent();
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
          sent: lastSent(),
          changes: world.releases.changes.length,
        };
        const again = await world.release('whole');
        expect(again.exitCode, again.log).toBe(0);
        expect(resultsOf(again)).toMatchObject(released);
        expect(outputOf(again, 'publish', 'publish', 'uploaded')).toBe('0');
        expect({
          keys: await world.cdn.keys('whole/'),
          sent: lastSent(),
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

    /** Kills a run when the step of the job prints its first line. */
    function killedAt(job: string, step: string): Required<Pick<WorkflowRunOptions, 'onEntry'>> {
      return {
        onEntry: (entry, kill) => {
          if (entry.job === job && entry.step === step && entry.isOutput) kill();
        },
      };
    }

    it(
      'I5: killed in one step after the other, each run going on from what the last one left, end right',
      async () => {
        world.releases.releases.length = 0;
        for (const [job, step] of [
          ['pack', 'pack'],
          ['check-keys', '3'],
          ['sign', 'sign'],
          ['publish', 'publish'],
          ['publish', 'verify'],
          ['publish', 'dispatch'],
          ['assets', '1'],
        ] as const) {
          const killed = await world.release('killed', killedAt(job, step));
          expect(killed.exitCode, `${job} ${step}: ${killed.log}`).toBeNull();
        }
        const again = await world.release('killed');
        expect(again.exitCode, again.log).toBe(0);
        expect(resultsOf(again)).toMatchObject(released);
        for (const { url, sha256: expected } of lastSent()) expect(await served(url)).toBe(expected);
        expect(world.releases.releases).toHaveLength(1);
        expect(world.releases.releases[0]?.isDraft).toBe(false);
        expect([...(world.releases.releases[0]?.assets.keys() ?? [])].sort()).toEqual(
          [...files, 'artifacts.json'].sort(),
        );
        await world.untilReceived();
        expect(world.receivedRuns.at(-1)?.exitCode).toBe(0);
      },
      5 * minutesMs,
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
        for (const { url, sha256: expected } of lastSent()) expect(await served(url)).toBe(expected);
        const assets = world.releases.releases.at(-1)?.assets;
        for (const { name, sha256: expected } of lastSent())
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
        const first = lastId();
        const run = await world.release('whole', byHand('announce'));
        expect(run.exitCode, run.log).toBe(0);
        expect(resultsOf(run)).toEqual({ check: 'success', publish: 'success' });
        expect(world.github.events.length).toBe(before.events + 1);
        expect(lastId()).not.toBe(first);
        expect(
          lastSent()
            .map(({ name }) => name)
            .sort(),
        ).toEqual(files);
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

    it.each<readonly [string, string, Readonly<Record<string, string>>]>([
      ['check-keys', 'the generator has another secret', { LICENSE_SECRET: 'not the one of a validator' }],
      ['sign', 'the passphrase is wrong', { SIGNING_PASSPHRASE: 'not this one' }],
      ['publish', 'the secret of downloads is too short', { DOWNLOAD_SECRET: 'short' }],
    ])('I7: stop in %s when %s, and send no message', async (job, _, secrets) => {
      const events = world.github.events.length;
      const product =
        job === 'check-keys'
          ? {
              files: {
                ...productRepository(),
                'site/make-key.mjs': "console.log('AAAAA-BBBBB-CCCCC-DDDDD');\n",
              },
            }
          : { secrets };
      const run = await world.release('wrong', { ...product });
      expect(run.exitCode).toBe(1);
      expect(resultsOf(run)[job]).toBe('failure');
      expect(await world.cdn.keys('wrong/')).toEqual([]);
      expect(world.github.events.length).toBe(events);
    });

    // Each secret of download-release.yml: a missing one is an empty text.
    const emptied: Readonly<Record<string, string>> = {
      DOWNLOAD_SECRET: 'publish needs DOWNLOAD_SECRET',
      SIGNING_KEY: 'sign needs SIGNING_KEY',
      SIGNING_PASSPHRASE: 'passphrase',
      LICENSE_SECRET: 'license-secret needs LICENSE_SECRET',
      DISPATCH_SECRET: 'dispatch needs DISPATCH_SECRET',
      DISPATCH_TOKEN: 'dispatch needs DISPATCH_TOKEN and no app-id, or app-id and APP_PRIVATE_KEY',
      APP_PRIVATE_KEY: 'dispatch needs DISPATCH_TOKEN and no app-id, or app-id and APP_PRIVATE_KEY',
    };

    it('have no secrets except those that are tried empty, and those that exist only during a replacement', () => {
      expect(workflowSecrets('download-release')).toEqual(
        [...Object.keys(emptied), 'PREVIOUS_DOWNLOAD_SECRET'].sort(),
      );
      expect(workflowSecrets('download-receive')).toEqual(['DISPATCH_SECRET', 'PREVIOUS_DISPATCH_SECRET']);
    });

    it.each(Object.entries(emptied))(
      'I4: report that the secret %s is empty, and publish and announce nothing',
      async (name, error) => {
        const settings: Readonly<Record<string, string>> =
          name === 'APP_PRIVATE_KEY' ? { RELEASE_APP_ID: '12345' } : {};
        const events = world.github.events.length;
        for (const blank of ['', ' \n']) {
          const run = await world.release(`empty-${name}`, { settings, secrets: { [name]: blank } });
          expect(run.exitCode).toBe(1);
          expect(run.log).toContain(error);
          expect(run.jobs['publish']?.steps['publish']).toBeUndefined();
        }
        expect(await world.cdn.keys(`empty-${name}/`)).toEqual([]);
        expect(world.github.events.length).toBe(events);
      },
    );

    it.each([
      ['DOWNLOAD_URL', 'verify needs base-url'],
      ['DOWNLOAD_DESTINATION', 'publish needs destination'],
    ])('report that the variable %s is empty, before anything is packed', async (name, error) => {
      const run = await world.release('empty', { settings: { [name]: '' } });
      expect(run.exitCode).toBe(1);
      expect(run.log).toContain(error);
      expect(run.jobs['pack']?.result).toBeUndefined();
    });

    it('receive nothing without the secret, or without a store for ids, and report that', async () => {
      const message = { version: 'v1.0.0' };
      const unsigned = await world.receiveByHand(message, false, { secrets: { DISPATCH_SECRET: '\t' } });
      expect(unsigned.exitCode).toBe(1);
      expect(unsigned.log).toContain('receive needs DISPATCH_SECRET, or trusted-keys');
      const forgetful = await world.receiveByHand(message, false, { variables: { SEEN_MESSAGES: '' } });
      expect(forgetful.exitCode).toBe(1);
      expect(forgetful.log).toContain('remember needs seen');
      for (const { jobs } of [unsigned, forgetful]) expect(jobs['deploy']?.steps['2']).toBeUndefined();
    });

    it('I7: fail if the receiver cannot be notified, after the files are published', async () => {
      const run = await world.release('untold', {
        secrets: { DISPATCH_TOKEN: 'ghp_aTokenThatNobodyKnowsAnyMore0000000' },
      });
      expect(run.exitCode).toBe(1);
      expect(resultsOf(run)).toMatchObject({ publish: 'failure' });
      expect(run.jobs['assets']).toBeUndefined();
      expect(run.output).not.toContain('ghp_aTokenThatNobodyKnowsAnyMore');
    });

    it(
      'I5: killed while they receive or deploy, are finished by a rerun; no other run acts on the message',
      async () => {
        world.siteIsAsleep = true;
        world.releases.releases.length = 0;
        const run = await world.release('received-late');
        expect(run.exitCode, run.log).toBe(0);
        world.siteIsAsleep = false;
        const payload = world.github.events.at(-1)?.client_payload ?? {};
        const runId = '8001';
        for (const [job, step] of [
          ['receive', 'verify'],
          ['deploy', '2'],
        ] as const) {
          const killed = await world.receiveByHand(payload, false, { runId, ...killedAt(job, step) });
          expect(killed.exitCode).toBeNull();
        }
        const stranger = await world.receiveByHand(payload, false);
        expect(resultsOf(stranger)).toMatchObject({ receive: 'failure' });
        const again = await world.receiveByHand(payload, false, { runId });
        expect(again.exitCode, again.log).toBe(0);
        expect(again.jobs['deploy']?.log).toContain('deployed v1.0.0');
      },
      2 * minutesMs,
    );

    it(
      'I4: receive a message by hand once, and refuse changed ones',
      async () => {
        world.siteIsAsleep = true;
        world.releases.releases.length = 0;
        const run = await world.release('by-hand');
        world.siteIsAsleep = false;
        expect(run.exitCode, run.log).toBe(0);
        const payload = world.github.events.at(-1)?.client_payload ?? {};
        const forged = await world.receiveByHand({ ...payload, version: 'v6.6.6' }, false);
        expect(forged.exitCode).toBe(1);
        expect(resultsOf(forged)).toMatchObject({ receive: 'failure' });
        expect(forged.jobs['deploy']?.steps['2']).toBeUndefined();

        const checked = await world.receiveByHand(payload, true);
        expect(checked.exitCode, checked.log).toBe(0);
        expect(checked.jobs['deploy']?.steps['2']).toBeUndefined();
        const received = await world.receiveByHand(payload, false);
        expect(received.exitCode, received.log).toBe(0);
        expect(received.jobs['deploy']?.log).toContain('deployed v1.0.0');
        expect((await world.receiveByHand(payload, false)).exitCode).toBe(1);
      },
      2 * minutesMs,
    );
  },
);
