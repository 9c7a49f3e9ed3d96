import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { linkAt, windowNumbered } from '@slipway/download-window';
import { failureOf, runAction, serveLoopback, temporaryDirectory, treeOf } from '@slipway/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { action } from '../src/action.ts';
import { fourPlatforms, type InputTexts, runOn, secret } from './downloads.ts';

const release = fourPlatforms();
const scheme = 'window-sha256';

/** A CDN in front of a directory that adds its origin path to requests, and answers 404 for everything else. */
async function cdnBefore(directory: string, originPath: string): Promise<string> {
  const server = await serveLoopback(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const path = join(directory, originPath, decodeURIComponent(pathname));
    if (existsSync(path)) createReadStream(path).pipe(response);
    else response.writeHead(404).end();
  });
  onTestFinished(() => server.close());
  return server.url;
}

describe('a CDN with an origin path', () => {
  test.each([
    ['downloads', 'downloads', 'downloads', ''],
    ['/files/downloads/', '/files/', 'files/downloads', 'downloads'],
    ['downloads', '', 'downloads', 'downloads'],
    ['downloads', '/', 'downloads', 'downloads'],
    ['/', '', '', ''],
  ])(
    'prefix %s and origin-path %s: links are served, and match those of a site',
    async (prefix, originPath, stored, linked) => {
      const out = temporaryDirectory('out');
      const baseUrl = await cdnBefore(out, originPath);
      const inputs = { files: release.files, scheme, prefix, 'origin-path': originPath, 'base-url': baseUrl };
      const published = await runOn(out, release.workspace, inputs);
      expect(published.failure).toBeUndefined();
      const verified = await runOn(out, release.workspace, { ...inputs, operation: 'verify' });
      expect(verified.problems.filter(({ code }) => code !== 'strangers-left')).toEqual([]);
      expect(verified.failure).toBeUndefined();
      const { number, startsAtMs } = windowNumbered(Number(published.outputs['window']));
      const link = linkAt({
        scheme,
        secret,
        prefix: linked,
        platform: 'macos-x64',
        file: 'macos-x64.zip',
        timeMs: startsAtMs,
        baseUrl,
      });
      expect(String(published.outputs['urls']).split('\n')).toContain(link.url);
      const [hash] = /[0-9a-f]{16}/.exec(link.key) ?? [];
      const key = `${stored === '' ? '' : `${stored}/`}${number}/${hash}/macos-x64/macos-x64.zip`;
      expect(treeOf(out)[key]).toBe('macos-x64 ');
      expect((await runOn(out, release.workspace, { ...inputs, operation: 'renew' })).outputs).toMatchObject({
        uploaded: 0,
        deleted: 0,
      });
    },
  );

  test('that is not the beginning of the prefix is an error, since nothing would be served', async () => {
    for (const [prefix, originPath] of [
      ['downloads', 'down'],
      ['downloads', 'downloads/more'],
      ['/', 'downloads'],
    ]) {
      const inputs: InputTexts = {
        operation: 'window',
        secret,
        prefix,
        'origin-path': originPath,
        'base-url': 'https://example.org',
      };
      const error = await failureOf(runAction(action, inputs));
      expect(error).toMatchObject({ code: 'input-invalid', message: expect.stringContaining('origin-path') });
    }
  });

  test('an empty prefix in a workflow means the default, like any empty input', async () => {
    const run = await runAction(action, {
      operation: 'window',
      secret,
      prefix: '',
      files: 'macos: a.zip',
      'base-url': 'https://example.org',
    });
    expect(run.outputs['urls']).toMatch(/^https:\/\/example\.org\/downloads\/\d+\//);
  });
});
