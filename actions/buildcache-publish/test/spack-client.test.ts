import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  actionProcess,
  haveMinio,
  type Minio,
  makeKey,
  spackFixture,
  startMinio,
  type TestKey,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directoryPlace, type MirrorPlace, minioPlaces } from './mirror-places.ts';
import { SpackClient, spackRoot } from './spack-client.ts';

const greetHash = 'dhoyfew7acbbjzzbqka3wknqpckquxwo';
const otherHash = 'pxktqpm3dgovcabvsd3qitexrako5hvn';
const manifestOfOther = `v3/manifests/spec/greet/greet-3.0-rc1-${otherHash}.spec.manifest.json`;

const bundle = (action: string): string =>
  fileURLToPath(new URL(`../../${action}/dist/index.js`, import.meta.url));

/** Signs what Spack staged, and publishes it with a signed index. */
async function publishFixture(place: MirrorPlace): Promise<TestKey> {
  const key = await makeKey({ type: 'rsa3072', subkey: true, nowMs: Date.now() });
  const staged = temporaryDirectory('staged');
  cpSync(spackFixture('v3-unsigned'), staged, { recursive: true });
  rmSync(join(staged, 'v3/manifests/index'), { recursive: true });
  const secrets = { 'signing-key': key.privateArmored, passphrase: key.passphrase ?? '' };
  const signed = await actionProcess(bundle('buildcache-sign'), {
    inputs: { buildcache: staged, ...secrets },
  });
  expect(signed.exitCode, signed.log).toBe(0);
  const published = await actionProcess(bundle('buildcache-publish'), {
    inputs: {
      buildcache: staged,
      mirror: place.url,
      'trusted-keys': key.fingerprint,
      ...secrets,
      ...place.inputs,
    },
    environment: place.environment,
  });
  expect(published.exitCode, published.log).toBe(0);
  return key;
}

function takeMirror(client: SpackClient, place: MirrorPlace, key: TestKey): void {
  client.run('mirror', 'add', '--signed', '--type', 'binary', 'published', place.url);
  client.run('buildcache', 'keys', '--install', '--trust');
  expect(client.run('gpg', 'list', '--trusted').replace(/\s/g, '')).toContain(key.fingerprint);
  const listed = client.run('buildcache', 'list', '--allarch', '--long');
  for (const entry of ['greet@2.0', 'greet@3.0-rc1', 'greet-data@0.9', 'libgreet@1.0.0', 'libgreet@1.1.0']) {
    expect(listed).toContain(entry);
  }
}

/** With signature checking on, and without a warning about a signature. */
function installGreet(client: SpackClient): void {
  const log = client.run('install', '--cache-only', `/${greetHash}`);
  expect(log.match(/Good signature from/g)).toHaveLength(3);
  expect(log).not.toMatch(/bad signature|not certified|could not be verified|WARNING: .*(key|signature)/i);
  expect(log.match(/Extracting .* from binary cache/g)).toHaveLength(3);
  const prefix = client.run('location', '--install-dir', `/${greetHash.slice(0, 7)}`).trim();
  expect(readdirSync(join(prefix, 'bin'))).toContain('greet');
  expect(execFileSync(join(prefix, 'bin/greet'), { encoding: 'utf8' })).toContain('hello');
}

describe.skipIf(spackRoot === undefined)('real Spack (needs SPACK_ROOT)', () => {
  const mirror = join(temporaryDirectory('spack-client'), 'mirror');
  const place = directoryPlace(mirror);
  let client: SpackClient;
  let key: TestKey;
  beforeAll(async () => {
    client = new SpackClient();
    key = await publishFixture(place);
  });
  afterAll(() => client?.remove());

  it('accepts the mirror, its key and its signed index', () => takeMirror(client, place, key));

  it('installs from it with signature checking on, without a warning about a signature', () =>
    installGreet(client));

  it('refuses an entry whose manifest was changed after publishing', () => {
    execFileSync('sed', ['-i', 's/"contentLength":/"contentLength": /', join(mirror, manifestOfOther)]);
    expect(() => client.run('install', '--cache-only', `/${otherHash}`)).toThrow();
  });
});

describe.skipIf(spackRoot === undefined || !haveMinio())(
  'real Spack and a mirror on S3 (needs SPACK_ROOT with boto3, and minio)',
  () => {
    let minio: Minio | undefined;
    let client: SpackClient | undefined;
    afterAll(async () => {
      client?.remove();
      await minio?.stop();
    });

    it('accepts it, and installs from it with signature checking on', async () => {
      minio = await startMinio();
      const place = minioPlaces(minio, await minio.makeBucket())('spack');
      const key = await publishFixture(place);
      client = new SpackClient({ ...place.environment, S3_ENDPOINT_URL: minio.endpointUrl });
      takeMirror(client, place, key);
      installGreet(client);
    }, 300_000);
  },
);
