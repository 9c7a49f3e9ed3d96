// Slow: about 20 s.
import { pathToFileURL } from 'node:url';
import { type ObjectStore, systemClock } from '@slipway/core';
import { pendingInvalidationsKey, readPending, rememberReplacements } from '@slipway/pending-invalidations';
import { openStore } from '@slipway/store';
import { serverProgram, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { proof, startCdn } from './cdn.ts';

async function destination(): Promise<ObjectStore> {
  return openStore(pathToFileURL(temporaryDirectory('destination')).href, {});
}

async function pendingOf(store: ObjectStore): Promise<number> {
  const publishes = await readPending(store);
  return publishes.reduce((sum, { paths, digests }) => sum + paths.length + digests.length, 0);
}

describe.skipIf(serverProgram('varnishd') === undefined)(
  'what a destination remembers (needs varnishd and gcc)',
  () => {
    it('is invalidated without being named, and removed once it is proven', async () => {
      const cdn = await startCdn();
      await cdn.cache({ 'site/a b.json': 'old', 'site/c.json': 'old' });
      const store = await destination();
      const what = { paths: ['/a%20b.json'], hiddenPaths: ['/c.json'], everything: '/*' };
      await (await rememberReplacements(store, what, systemClock)).complete();
      cdn.store({ 'site/a b.json': 'new', 'site/c.json': 'new' });

      const inputs = { destination: store.url, 'path-prefix': '/site' };
      const dryRun = await cdn.run({ ...inputs, 'dry-run': 'true' });
      expect(dryRun.log).toContain('Would remove 2 paths of earlier publishes');
      const first = await cdn.run(inputs);
      expect(first.exitCode, first.log).toBe(0);
      expect(await (await fetch(cdn.urlOf('site/a b.json'))).text()).toBe('new');
      // Only the publish knows the path of a digest, so everything is invalidated for it.
      expect(first.log).toContain('1 path pending as digests only');
      expect(await (await fetch(cdn.urlOf('site/c.json'))).text()).toBe('new');
      expect(await pendingOf(store)).toBe(0);
      const third = await cdn.run(inputs);
      expect(third.outputs).toMatchObject({ status: 'none' });
    });

    it('I7: is reported if the CDN serves it', async () => {
      const store = await destination();
      const what = { paths: ['/a.json'], everything: '/*' };
      await (await rememberReplacements(store, what, systemClock)).complete();
      const hiding = await startCdn();
      const hidden = await hiding.run({ destination: store.url, wait: 'false' });
      expect(hidden.annotations).toEqual([]);
      const serving = await startCdn();
      serving.store({ [pendingInvalidationsKey]: '{}' });
      const served = await serving.run({ destination: store.url });
      expect(served.exitCode, served.log).toBe(0);
      expect(served.annotations.map(({ title }) => title)).toContain(
        'cloudfront-invalidate: own-documents-served',
      );
    });

    it('is invalidated path by path if a rerun of the publish names the paths behind digests', async () => {
      const cdn = await startCdn();
      await cdn.cache({ 'c.json': 'old', 'other.json': 'old' });
      const store = await destination();
      const what = { paths: [], hiddenPaths: ['/c.json'], everything: '/*' };
      await (await rememberReplacements(store, what, systemClock)).complete();
      cdn.store({ 'c.json': 'new', 'other.json': 'unseen' });
      const run = await cdn.run({ destination: store.url, paths: '/c.json', prove: proof('/c.json', 'new') });
      expect(run.exitCode, run.log).toBe(0);
      expect(await (await fetch(cdn.urlOf('other.json'))).text()).toBe('old');
      expect(await pendingOf(store)).toBe(0);
    });

    it('is kept if an invalidation fails, is not awaited, or does not help', async () => {
      const cdn = await startCdn({ ineffective: 10 });
      await cdn.cache({ 'a.json': 'old' });
      const store = await destination();
      const what = { paths: ['/a.json'], everything: '/*' };
      await (await rememberReplacements(store, what, systemClock)).complete();
      cdn.store({ 'a.json': 'new' });
      const stale = await cdn.run({
        destination: store.url,
        prove: proof('/a.json', 'new'),
        'prove-deadline': '1s',
      });
      expect(stale.exitCode).toBe(1);
      const unwaited = await cdn.run({ destination: store.url, wait: 'false' });
      expect(unwaited.exitCode, unwaited.log).toBe(0);
      expect(await pendingOf(store)).toBe(1);
    });

    it('of a publish that may still be running is invalidated and kept', async () => {
      const cdn = await startCdn();
      const store = await destination();
      const what = { paths: ['/a.json'], everything: '/*' };
      await rememberReplacements(store, what, systemClock);
      for (const made of [1, 2]) {
        const run = await cdn.run({ destination: store.url });
        expect(run.exitCode, run.log).toBe(0);
        expect(cdn.controlPlane.invalidations).toHaveLength(made);
      }
      expect(await pendingOf(store)).toBe(1);
    });

    it('going back to earlier bytes is a new invalidation, although this CDN happens to serve them', async () => {
      const cdn = await startCdn();
      const store = await destination();
      const inputs = { destination: store.url, prove: proof('/a.json', 'A') };
      const what = { paths: ['/a.json'], everything: '/*' };
      cdn.store({ 'a.json': 'A' });
      for (const made of [1, 2]) {
        await (await rememberReplacements(store, what, systemClock)).complete();
        const run = await cdn.run(inputs);
        expect(run.exitCode, run.log).toBe(0);
        expect(cdn.controlPlane.invalidations).toHaveLength(made);
      }
    });
  },
);
