// Slow: about 110 s.
import type { WorkflowRunOptions } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { releasedFiles as files, productRepository, released, workflowSecrets } from './guide.ts';
import { haveWorld, resultsOf, served, World } from './world.ts';

const minutesMs = 60_000;

describe.skipIf(!haveWorld())(
  'the workflows of the guide to secure downloads, when something goes wrong (needs act, minio, varnishd and gh)',
  () => {
    let world: World;
    beforeAll(async () => {
      world = await World.start();
    });
    afterAll(() => world?.stop());

    /** Kills a run when the step of the job prints its first line. */
    function killedAt(job: string, step: string): Required<Pick<WorkflowRunOptions, 'onEntry'>> {
      return {
        onEntry: (entry, kill) => {
          if (entry.job === job && entry.step === step && entry.isOutput) kill();
        },
      };
    }

    it(
      'I5: killed in one step after the other, are finished by a rerun',
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
        for (const { url, sha256: expected } of world.lastSent) expect(await served(url)).toBe(expected);
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
