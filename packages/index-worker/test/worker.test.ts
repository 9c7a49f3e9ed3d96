import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import {
  documentBlock,
  freePorts,
  haveMinio,
  type Minio,
  type ServerProcess,
  startMinio,
  startServerProcess,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folder, haveWorkerd } from './workerd.ts';

const wrangler = join(folder, 'node_modules/wrangler/bin/wrangler.js');
const token = 'a-token-that-nobody-guesses';
const json = 'application/vnd.pypi.simple.v1+json';
const torch = 'torch-2.9.0+cu118-py3-none-any.whl';

describe.skipIf(!haveMinio() || !haveWorkerd())('the Worker in workerd (needs workerd, minio)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-worker-'));
  let minio: Minio;
  let server: ServerProcess;
  let origin: string;
  let bucket: string;
  let secret: string;

  async function put(key: string): Promise<void> {
    await minio.client.send(
      new PutObjectCommand({ Bucket: bucket, Key: key, Body: key, ChecksumAlgorithm: 'SHA256' }),
    );
  }
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
    fetch(origin + path, { method, headers, redirect: 'manual' });
  const run = async (headers: Record<string, string> = { authorization: `Bearer ${token}` }) => {
    const response = await fetch(`${origin}/.slipway/run`, { method: 'POST', headers });
    return { status: response.status, summary: (await response.json()) as Record<string, unknown> };
  };

  beforeAll(async () => {
    minio = await startMinio();
    bucket = await minio.makeBucket();
    await put(`whl/cu118/${torch}`);
    await put('whl/six-1.0-py3-none-any.whl');
    const configuration = {
      format: 1,
      source: { url: `s3://${bucket}`, 'endpoint-url': minio.endpointUrl },
      destinations: [{ url: 'r2:PAGES' }, { url: 'r2:MIRROR' }],
      prefixes: [{ prefix: 'whl', subdirectories: { match: ['cu[0-9]*'] }, formats: ['html', 'json'] }],
    };
    // What the policy of the README allows is enough.
    const policy = documentBlock('packages/index-worker/README.md#the-source').text.replaceAll(
      'YOUR-BUCKET',
      bucket,
    );
    const credentials = await minio.credentialsOfPolicy(policy);
    secret = credentials.secretAccessKey;
    const file = join(directory, 'variables');
    const variables = documentBlock('packages/index-worker/README.md#try-it').text;
    writeFileSync(
      file,
      `${variables
        .replace('YOUR-KEY-ID', credentials.accessKeyId)
        .replace('YOUR-SECRET-KEY', secret)
        .replace('A-LONG-RANDOM-TEXT', token)}
AWS_SESSION_TOKEN='${credentials.sessionToken}'
CONFIGURATION='${JSON.stringify(configuration)}'
`,
    );
    const [, dev = ''] =
      /^npx wrangler (.*)$/m.exec(documentBlock('packages/index-worker/README.md#try-it:2').text) ?? [];
    const [port = 0, inspector = 0] = await freePorts(2);
    origin = `http://127.0.0.1:${port}`;
    server = await startServerProcess(process.execPath, {
      args: [
        wrangler,
        ...dev.split(' '),
        ...['--cwd', folder, '--env-file', file, '--ip', '127.0.0.1'],
        ...['--port', String(port), '--inspector-port', String(inspector), '--persist-to', directory],
      ],
      environment: { WRANGLER_SEND_METRICS: 'false', CI: 'true', XDG_CONFIG_HOME: directory },
      isReady: async () => (await fetch(origin)).status === 404,
      timeoutMs: 120_000,
    });
  }, 180_000);
  afterAll(async () => {
    await server?.stop();
    await minio?.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  it('builds the index when its cron says so, and serves what a client prefers', async () => {
    expect((await get('/whl/cu118/torch/')).status).toBe(404);
    const trigger = documentBlock('packages/index-worker/README.md#try-it:3').text;
    const [, path = ''] = /^curl "http:\/\/localhost:8787(\/.*)"$/m.exec(trigger) ?? [];
    const scheduled = await get(path);
    expect({ status: scheduled.status, text: await scheduled.text() }).toMatchObject({ status: 200 });
    const page = await get('/whl/cu118/torch/');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('vary')).toBe('Accept');
    expect(await page.text()).toMatch(
      /href="\.\.\/torch-2\.9\.0%2Bcu118-py3-none-any\.whl#sha256=[0-9a-f]{64}"/,
    );
    const pip = await get('/whl/cu118/torch/', { accept: `${json}, text/html; q=0.01` });
    expect(pip.headers.get('content-type')).toBe(json);
    expect(await pip.json()).toMatchObject({ name: 'torch', files: [{ filename: torch }] });
    expect(await (await get('/whl/cu118/', { accept: json })).json()).toMatchObject({
      projects: [{ name: 'six' }, { name: 'torch' }],
    });
    expect((await get('/whl/cu118/torch/', { accept: 'image/png' })).status).toBe(406);
    expect((await get('/whl/cu118/torch')).headers.get('location')).toBe('/whl/cu118/torch/');
  });

  it('answers 304 for the page that a client has, and HEAD without a body', async () => {
    await run();
    const page = await get('/whl/cu118/torch/', {}, 'HEAD');
    const etag = page.headers.get('etag') ?? '';
    expect({ status: page.status, text: await page.text() }).toEqual({ status: 200, text: '' });
    expect((await get('/whl/cu118/torch/', { 'if-none-match': `"other", W/${etag}` })).status).toBe(304);
    expect((await get('/whl/cu118/torch/', { 'if-none-match': '"other"' })).status).toBe(200);
    expect((await get('/whl/cu118/torch/', { 'if-none-match': etag, accept: json })).status).toBe(200);
  });

  it('never serves its own documents', async () => {
    await run();
    const state = '.slipway/package-index/prefixes/whl.json.gz';
    for (const path of [state, state.toUpperCase(), state.replace('.', '%2E'), `whl%2F..%2F${state}`]) {
      expect([path, (await get(`/${path}`)).status]).toEqual([path, 404]);
    }
  });

  it('starts a run for the token alone', async () => {
    for (const authorization of ['', 'Bearer ', `Bearer ${token}x`, `Bearer ${token.slice(1)}`, token]) {
      expect([authorization, (await run({ authorization })).status]).toEqual([authorization, 401]);
    }
    expect((await get('/.slipway/run', { authorization: `Bearer ${token}` })).status).toBe(405);
    await put(`whl/cu118/${torch.replace('2.9.0', '2.9.1')}`);
    const { status, summary } = await run();
    expect({ status, ...summary }).toMatchObject({ status: 200, isDone: true, objects: 3, errors: [] });
    expect(summary['written']).toBeGreaterThan(0);
    const again = await run();
    expect(again.summary).toMatchObject({ isDone: true, written: 0, deleted: 0 });
    // In the other bucket too: everything that one has is written once for each.
    expect((summary['written'] as number) % 2).toBe(0);
    const lines = server
      .output()
      .split('\n')
      .filter((line) => line.includes('"event":"prefix"'));
    expect(lines.join('\n')).toMatch(/"destination":"r2:MIRROR","prefix":"whl","uploads":[1-9]/);
    expect(server.output()).not.toContain(secret);
  });
});
