import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { secretKeyOf } from '../src/index.ts';

const packageDirectory = join(import.meta.dirname, '..');

const room = temporaryDirectory('site');

function npm(args: readonly string[], cwd: string): string {
  return execFileSync('npm', [...args, '--offline', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: room },
  });
}

test('packed and installed into an empty project, a site computes and checks links with it alone', () => {
  // Of a build that is up to date.
  execFileSync(join(packageDirectory, '../../node_modules/.bin/tsc'), ['-b', packageDirectory]);
  npm(['pack', '--pack-destination', room], packageDirectory);
  const [tarball = ''] = readdirSync(room).filter((name) => name.endsWith('.tgz'));
  const site = join(room, 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'package.json'), '{"name": "site", "version": "1.0.0", "type": "module"}');
  npm(['install', join(room, tarball)], site);
  expect(readdirSync(join(site, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
    '@slipway',
  ]);

  const secret = 'a secret of a site that has nothing else';
  writeFileSync(
    join(site, 'site.js'),
    `import { checkPath, linkAt } from '@slipway/download-window';
     const secret = process.env.SECRET, timeMs = Date.UTC(2026, 0, 2, 12), scheme = 'window-hmac';
     const link = linkAt({ scheme, secret, platform: 'macos', file: 'app.zip', timeMs, baseUrl: 'https://cdn.example.org' });
     const checked = checkPath(new URL(link.url).pathname, { scheme, secrets: [secret], timeMs });
     console.log(JSON.stringify({ key: link.key, checked }));`,
  );
  const printed = execFileSync(process.execPath, ['site.js'], {
    cwd: site,
    encoding: 'utf8',
    env: { SECRET: secret },
  });
  const key = secretKeyOf({ scheme: 'window-hmac' }, secret, {
    window: 40_911,
    platform: 'macos',
    file: 'app.zip',
  });
  expect(JSON.parse(printed)).toMatchObject({ key, checked: { allowed: true, file: 'app.zip' } });
});

test('the sources import nothing but node:crypto', () => {
  const directory = join(packageDirectory, 'src');
  const imported = readdirSync(directory).flatMap((name) =>
    [...readFileSync(join(directory, name), 'utf8').matchAll(/from '([^']+)'/g)].map(([, from]) => from),
  );
  expect(imported.filter((from) => !from?.startsWith('./'))).toEqual(['node:crypto', 'node:crypto']);
});
