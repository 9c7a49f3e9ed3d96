// Slow: about 20 s.
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type CdnSite,
  commandLinePrograms,
  documentBlock,
  GitHubDouble,
  haveCdnSite,
  makeKey,
  type Replacements,
  runShellBlock,
  type ShellBlockRun,
  stageHonestMirror,
  startCdnSite,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** A proxy to `target` that calls `onWrite` before each PUT, and forwards the PUT if that returns true. */
async function startGate(target: string, onWrite: () => boolean) {
  const { port } = new URL(target);
  const server = createServer((client) => {
    const upstream = connect(Number(port), '127.0.0.1');
    upstream.pipe(client);
    client.on('data', (chunk) => {
      if (!chunk.subarray(0, 4).equals(Buffer.from('PUT ')) || onWrite()) upstream.write(chunk);
    });
    client.on('close', () => upstream.destroy()).on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { readonly port: number };
  return { url: `http://127.0.0.1:${address.port}`, close: () => void server.close() };
}

describe.skipIf(!haveCdnSite())('the guide to releases from a terminal (needs minio and varnishd)', () => {
  let site: CdnSite;
  let github: GitHubDouble;
  const directory = temporaryDirectory('by-hand');
  const seen = join(temporaryDirectory('srv'), 'seen');

  beforeAll(async () => {
    site = await startCdnSite();
    github = await GitHubDouble.start();
    const runName = ({ client_payload: { slipway } }: { client_payload: Record<string, unknown> }) =>
      (slipway as { readonly id: string }).id;
    github.addRepository({
      name: 'example/site',
      isPrivate: true,
      workflows: [{ id: 7, eventTypes: ['release-published'], runName }],
    });
    const key = await makeKey({ type: 'ed25519' });
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    };
    write('signing-key.asc', key.privateArmored);
    write('trusted-keys.asc', key.publicArmored);
    write('github-token', github.addToken());
    write('builds/linux/app', 'for Linux');
    write('builds/macos/app', 'for macOS');
  });
  afterAll(async () => {
    await site?.stop();
    github?.close();
  });

  const run = (
    name: string,
    replacements: Replacements = {},
    endpointUrl = site.minio.endpointUrl,
  ): Promise<ShellBlockRun> => {
    const { slipway = '' } = commandLinePrograms();
    // Both services call their endpoint the same; at AWS a reader needs neither.
    const endpoints = `case $1 in
      cloudfront-invalidate) export SLIPWAY_ENDPOINT_URL='${site.controlPlane.url}' ;;
      *) export SLIPWAY_ENDPOINT_URL='${endpointUrl}' ;;
    esac`;
    return runShellBlock(documentBlock(name), {
      directory,
      replacements,
      programs: { slipway: `${endpoints}\necho $$ > ${join(directory, 'pid')}\n${slipway}` },
      environment: {
        AWS_ACCESS_KEY_ID: site.minio.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: site.minio.credentials.secretAccessKey,
        AWS_REGION: 'us-east-1',
        SLIPWAY_FORCE_PATH_STYLE: 'true',
        SLIPWAY_DESTINATION_ENDPOINT_URL: site.minio.endpointUrl,
        GITHUB_API_URL: github.url,
      },
    });
  };
  const done = async (...[name, ...rest]: Parameters<typeof run>): Promise<ShellBlockRun> => {
    const ran = await run(name, ...rest);
    expect(ran.exitCode, `${name}\n${ran.output}\n${ran.error}`).toBe(0);
    return ran;
  };
  const downloads = (): Replacements => ({
    's3://example-downloads': `s3://${site.bucket}/downloads`,
    'https://downloads.example.org': `${site.baseUrl}/downloads`,
  });
  const receiving = (): Replacements => ({
    'file:///srv/site/seen': pathToFileURL(seen).href,
    'downloads.example.org': new URL(site.baseUrl).host,
  });
  const text = (path: string): string => readFileSync(join(directory, path), 'utf8');
  const pack = () => done('docs/guides/from-a-terminal.md#pack-and-sign');
  const publish = 'docs/guides/from-a-terminal.md#publish';
  const announce = 'docs/guides/from-a-terminal.md#announce';
  const receive = 'docs/guides/from-a-terminal.md#receive-by-hand';
  const invalidate = () =>
    done('docs/guides/from-a-terminal.md#invalidate-the-cdn-and-prove-it', downloads());

  test('packs, signs, publishes, announces and receives; also when killed, repeated and forced', async () => {
    await done('docs/guides/from-a-terminal.md#secrets');
    expect(statSync(join(directory, 'download-secret')).mode & 0o777).toBe(0o600);
    await pack();

    // The third object is never stored, because its process is killed.
    let writes = 0;
    const gate = await startGate(site.minio.endpointUrl, () => {
      writes += 1;
      if (writes === 3) process.kill(Number(text('pid')), 'SIGKILL');
      return writes < 3;
    });
    const killed = await run(publish, downloads(), gate.url);
    gate.close();
    expect(killed.exitCode, killed.error).toBe(137);
    expect(existsSync(join(directory, 'published.json'))).toBe(false);
    await done(publish, downloads());
    const published = JSON.parse(text('published.json')) as { name: string; url: string }[];
    const names = published.map(({ name }) => name).sort();
    expect(names).toEqual(expect.arrayContaining(['SHA256SUMS', 'linux.zip', 'linux.zip.asc', 'macos.zip']));
    await invalidate();
    expect(site.controlPlane.invalidations.length).toBeGreaterThan(0);

    const asked = await done('docs/guides/from-a-terminal.md#links', downloads());
    const urls = text('links.txt').trim().split('\n');
    expect(urls).toEqual(published.map(({ url }) => url));
    for (const url of urls) {
      expect(asked.output).toContain(url);
      expect((await fetch(url)).status).toBe(200);
    }

    // Sent, sent again, and sent as another message.
    await done(announce);
    expect(JSON.parse(text('messages/example.site.json'))).toEqual(github.events[0]?.client_payload);
    const again = await done(announce);
    expect(again.output).toContain('already-sent');
    expect(github.events).toHaveLength(1);

    const by = receiving();
    await done(receive, by);
    for (const name of names) {
      const url = published.find((file) => file.name === name)?.url ?? '';
      const served = Buffer.from(await (await fetch(url)).arrayBuffer());
      expect(readFileSync(join(directory, 'received', name)).equals(served)).toBe(true);
    }
    const twice = await run(receive, by);
    expect(twice.exitCode).toBe(1);
    expect(twice.error).toContain('replayed');
    await done('docs/guides/from-a-terminal.md#receive-by-hand:2', by);
    await done('docs/guides/from-a-terminal.md#announce:2');
    expect(github.events).toHaveLength(2);

    // A build with other bytes is refused, and then forced.
    writeFileSync(join(directory, 'builds/linux/app'), 'for Linux, mended');
    await pack();
    const refused = await run(publish, downloads());
    expect(refused.exitCode).toBe(1);
    await done('docs/guides/from-a-terminal.md#other-bytes-under-the-same-name', downloads());
    await invalidate();
    await done(announce);
    expect(github.events).toHaveLength(3);
  }, 180_000);

  test('signs, publishes, lists, invalidates and verifies a buildcache', async () => {
    const { directory: staged } = await stageHonestMirror();
    cpSync(staged, join(directory, 'staged'), { recursive: true });
    await done('docs/guides/from-a-terminal.md#a-buildcache', {
      's3://example-binaries/spack': `s3://${site.bucket}/spack`,
      'https://binaries.example.org': site.baseUrl,
    });
    expect(text('index.txt').trim()).toMatch(/^[0-9a-f]{64}$/);
    expect((await site.keys('spack/v3/manifests/index/')).length).toBe(1);
  }, 120_000);
});
