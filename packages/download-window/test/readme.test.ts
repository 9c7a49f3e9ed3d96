import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { documentBlock, runShellBlock, temporaryDirectory, withReplacements } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linkAt, secretKeyOf, windowAt } from '../src/index.ts';

const packageDirectory = join(import.meta.dirname, '..');
const rootDirectory = join(packageDirectory, '../..');
const secret = 'the secret of download-publish and the site';

/** A directory of a site that has this package installed, with the text as its program. */
function programOf(text: string): { readonly directory: string; readonly program: string } {
  const directory = temporaryDirectory('site');
  mkdirSync(join(directory, 'node_modules/@slipway'), { recursive: true });
  symlinkSync(packageDirectory, join(directory, 'node_modules/@slipway/download-window'));
  const program = join(directory, 'site.mjs');
  writeFileSync(program, text);
  return { directory, program };
}

function start(text: string, environment: Readonly<Record<string, string>>): ChildProcess {
  const { directory, program } = programOf(text);
  const child = spawn(process.execPath, ['--conditions=source', program], {
    cwd: directory,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  return child;
}

const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill();
});

/** The whole answer to a request as it is written here, with nothing made of its path. */
function answerTo(port: number, method: string, path: string, more = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${more}\r\n`);
    });
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
    });
    socket.on('error', reject);
    socket.on('end', () => resolve(answer));
  });
}

describe('the server of the README', () => {
  const large = Buffer.alloc(8 * 2 ** 20, 'large');
  let server: ChildProcess;
  let port = 0;
  const log: string[] = [];

  const linkOf = (file: string, platform = 'macos'): string =>
    linkAt({
      scheme: 'window-hmac',
      secret,
      platform,
      file,
      timeMs: Date.now(),
      baseUrl: 'http://localhost',
    }).url.slice('http://localhost'.length);

  beforeAll(async () => {
    const releases = temporaryDirectory('releases');
    mkdirSync(join(releases, 'macos/directory'), { recursive: true });
    writeFileSync(join(releases, 'macos/app.zip'), 'the app');
    writeFileSync(join(releases, 'macos/empty.zip'), '');
    writeFileSync(join(releases, 'macos/large.zip'), large);
    writeFileSync(join(releases, 'secret.txt'), 'not a release');
    const text = withReplacements(documentBlock('packages/download-window/README.md#on-a-site:2').text, {
      '/srv/releases': releases,
      '.listen(8080)': ".listen(0, '127.0.0.1', function () { console.log('port', this.address().port); })",
    });
    server = start(text, { DOWNLOAD_SECRET: secret });
    const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => void log.push(line));
    const [line] = (await once(lines, 'line')) as [string];
    port = Number(/^port (\d+)$/.exec(line)?.[1]);
  });

  const isAlive = (): boolean => server.exitCode === null && server.signalCode === null;

  test('serves what its link is for, whole, with its length', async () => {
    const answer = await answerTo(port, 'GET', `${linkOf('app.zip')}?from=mail`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.toLowerCase()).toContain('content-length: 7');
    expect(answer.split('\r\n\r\n')[1]).toBe('the app');
    expect(await answerTo(port, 'GET', linkOf('empty.zip'))).toMatch(/^HTTP\/1\.1 200 /);
    const body = await (await fetch(`http://127.0.0.1:${port}${linkOf('large.zip')}`)).arrayBuffer();
    expect(Buffer.from(body).equals(large)).toBe(true);
  });

  test('answers HEAD with the length and no body', async () => {
    const answer = await answerTo(port, 'HEAD', linkOf('large.zip'));
    expect(answer.toLowerCase()).toContain(`content-length: ${large.length}`);
    expect(answer.split('\r\n\r\n')[1]).toBe('');
  });

  test.each([
    ['//'],
    ['///downloads'],
    ['/'],
    ['/%'],
    ['/%00'],
    ['/%ff'],
    ['/..'],
    ['/../../etc/passwd'],
    ['/downloads/../../secret.txt'],
    ['http://localhost/downloads'],
    ['*'],
    ['/%2e%2e/%2e%2e/secret.txt'],
    ['/\\..\\secret.txt'],
    ['//[/'],
    ['//:99999'],
    ['/long'.repeat(20)],
  ])('I8: answers 404 to %s, and lives', async (path) => {
    for (const method of ['GET', 'HEAD', 'POST']) {
      expect(await answerTo(port, method, path)).toMatch(/^HTTP\/1\.1 404 /);
      expect(isAlive()).toBe(true);
    }
  });

  test.each([
    ['a file that is not there', linkOf('missing.zip')],
    ['a directory', linkOf('directory')],
    ['a platform that is not there', linkOf('app.zip', 'amiga')],
    ['a name as long as a name may be', linkOf('a'.repeat(255))],
    ['a link with a hash of another secret', linkOf('app.zip').replace(/[0-9a-f]{32}/, '0'.repeat(32))],
    ['a file below its link', `${linkOf('directory')}/app.zip`],
    [
      'a link of a window that is past',
      `/${secretKeyOf({ scheme: 'window-hmac' }, secret, { window: windowAt(Date.now()).number - 4, platform: 'macos', file: 'app.zip' })}`,
    ],
  ])('I8: answers 404 to a good client that asks for %s, and lives', async (_, path) => {
    for (const method of ['GET', 'HEAD']) {
      expect(await answerTo(port, method, path)).toMatch(/^HTTP\/1\.1 404 /);
      expect(isAlive()).toBe(true);
    }
    expect(await answerTo(port, 'GET', linkOf('app.zip'))).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('I8: answers what is no HTTP, or too long, and lives', async () => {
    expect(await answerTo(port, 'GET', `/${'a/'.repeat(7_000)}`)).toMatch(/^HTTP\/1\.1 404 /);
    // It may hang up before it has read all of that.
    const endless = await answerTo(port, 'GET', `/${'a'.repeat(2 ** 17)}`).catch(String);
    expect(endless).toMatch(/^HTTP\/1\.1 431 |ECONNRESET|EPIPE/);
    expect(await answerTo(port, 'GET', '?')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await answerTo(port, 'NONSENSE', '/')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await answerTo(port, 'GET', linkOf('app.zip'), 'Content-Length: -1\r\n')).toMatch(
      /^HTTP\/1\.1 400 /,
    );
    expect(isAlive()).toBe(true);
  });

  test.skipIf(process.platform !== 'linux')(
    'outlives clients that hang up while they are served, and lets go of the files (needs /proc)',
    async () => {
      const openFiles = (): number => readdirSync(`/proc/${server.pid}/fd`).length;
      const before = openFiles();
      for (let client = 0; client < 20; client += 1) {
        await new Promise<void>((resolve, reject) => {
          const socket = connect(port, '127.0.0.1', () => {
            socket.write(`GET ${linkOf('large.zip')} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
          });
          socket.once('data', () => {
            socket.resetAndDestroy();
            resolve();
          });
          socket.on('error', reject);
        });
      }
      await expect.poll(openFiles).toBeLessThanOrEqual(before + 1);
      expect(await answerTo(port, 'GET', linkOf('app.zip'))).toMatch(/^HTTP\/1\.1 200 /);
      expect(log.some((line) => line.startsWith('ended early: '))).toBe(true);
      expect(log.join('\n')).not.toContain('/downloads/');
    },
  );

  test('I7: does not start without a secret that can be used, and does not tell it', async () => {
    const { text } = documentBlock('packages/download-window/README.md#on-a-site:2');
    for (const environment of [{}, { DOWNLOAD_SECRET: '' }, { DOWNLOAD_SECRET: 'hunter2' }]) {
      const refused = start(text, environment);
      let printed = '';
      refused.stderr?.on('data', (chunk) => {
        printed += chunk;
      });
      const [status] = (await once(refused, 'close')) as [number];
      expect(status).toBe(1);
      expect(printed).toContain('DOWNLOAD_SECRET: it ');
      expect(printed).not.toContain('hunter2');
    }
  });
});

/** What the first sample asks of the site's own framework: routes with parameters, and answers as Express gives them. */
const siteDouble = `
const routes = [];
const app = { get: (path, ...handlers) => routes.push({ path, handlers }) };
const requireCustomer = (request, response, next) => (request.customer ? next() : response.sendStatus(401));
export function ask(path, customer) {
  const [{ path: pattern, handlers }] = routes;
  const names = pattern.split('/'), words = path.split('/');
  const params = Object.fromEntries(names.flatMap((name, at) => (name.startsWith(':') ? [[name.slice(1), decodeURIComponent(words[at])]] : [])));
  let answer;
  const response = { sendStatus: (status) => (answer = { status }), redirect: (status, url) => (answer = { status, url }) };
  const next = (left) => left[0]?.({ params, customer }, response, () => next(left.slice(1)));
  next(handlers);
  return answer;
}
`;

test('the route of the README sends customers to the link of today, and nobody else anywhere', async () => {
  const { text } = documentBlock('packages/download-window/README.md#on-a-site');
  const asked = [
    ['macos', true],
    ['linux-x64', true],
    ['macos', false],
    ['amiga', true],
    ['__proto__', true],
    ['..%2f..', true],
    ['%00', true],
  ];
  const calls = asked.map(([platform, customer]) => `ask('/account/download/${platform}', ${customer})`);
  const site = start(`${siteDouble}\n${text}\nconsole.log(JSON.stringify([${calls}]));`, {
    DOWNLOAD_SECRET: secret,
  });
  let printed = '';
  site.stdout?.on('data', (chunk) => {
    printed += chunk;
  });
  const beforeMs = Date.now();
  const [status] = await once(site, 'close');
  expect(status).toBe(0);
  const answers = JSON.parse(printed) as readonly { readonly status: number; readonly url?: string }[];
  expect(answers.map((answer) => answer.status)).toEqual([302, 302, 401, 404, 404, 404, 404]);
  for (const [index, [platform, file]] of [
    ['macos', 'app-macos.zip'],
    ['linux-x64', 'app-linux-x64.zip'],
  ].entries()) {
    const links = [beforeMs, Date.now()].map(
      (timeMs) =>
        linkAt({
          scheme: 'window-hmac',
          secret,
          platform: platform ?? '',
          file: file ?? '',
          timeMs,
          baseUrl: 'https://downloads.example.org',
        }).url,
    );
    expect(links).toContain(answers[index]?.url);
  }
});

test('the lines of the README install the package into a site', async () => {
  const site = temporaryDirectory('installed');
  writeFileSync(join(site, 'package.json'), '{"name": "site", "version": "1.0.0", "type": "module"}');
  const block = documentBlock('packages/download-window/README.md#download-window');
  const { exitCode, error } = await runShellBlock(block, {
    directory: rootDirectory,
    environment: { SITE: site, npm_config_offline: 'true', npm_config_audit: 'false' },
  });
  expect(exitCode, error).toBe(0);
  expect(readdirSync(join(site, 'node_modules/@slipway'))).toEqual(['download-window']);
});

test.each([['packages/download-window/README.md#schemes'], ['actions/download-publish/README.md#schemes']])(
  'the lines of shell of %s make the hashes that we make',
  async (name) => {
    const platform = 'macos';
    const file = 'app 1.0 (x64).zip';
    const block = documentBlock(name);
    const own = block.text.includes('WINDOW=$(');
    const { number } = windowAt(Date.now());
    const run = await runShellBlock(block, {
      environment: {
        SECRET: secret,
        PLATFORM: platform,
        FILE: file,
        ...(own ? {} : { WINDOW: `${number}` }),
      },
    });
    expect(run.exitCode, run.error).toBe(0);
    const hashIn = (scheme: 'window-sha256' | 'window-hmac', window: number): string | undefined =>
      secretKeyOf({ scheme }, secret, { window, platform, file }).split('/')[2];
    // The window may have ended in between.
    const expected = [number, windowAt(Date.now()).number].map((window) =>
      [hashIn('window-sha256', window), ...(own ? [hashIn('window-hmac', window)] : [])].join('\n'),
    );
    expect(expected).toContain(run.output.trimEnd());
  },
);
