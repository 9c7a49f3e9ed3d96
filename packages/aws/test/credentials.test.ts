import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveLoopback, startStsGate } from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openCredentials } from '../src/credentials.ts';
import { errorOf, recordedPorts } from './support.ts';

const region = 'us-east-1';
const pair = { AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_ACCESS_KEY: 'hunter2-secret' };

describe('keys that are given', () => {
  test('are used as they are, and masked', async () => {
    const keys = { accessKeyId: 'AKIA0', secretAccessKey: 'hunter2-secret', sessionToken: 'hunter2-token' };
    const ports = recordedPorts(pair);
    expect(await openCredentials({ region, keys }, ports)()).toEqual(keys);
    expect(ports.masked).toEqual(['hunter2-secret', 'hunter2-token']);
  });
});

describe('credentials of the environment', () => {
  test('are its key pair, masked', async () => {
    const ports = recordedPorts({ ...pair, AWS_SESSION_TOKEN: 'hunter2-token' });
    expect(await openCredentials({ region }, ports)()).toEqual({
      accessKeyId: 'AKIA1',
      secretAccessKey: 'hunter2-secret',
      sessionToken: 'hunter2-token',
    });
    expect(ports.masked).toEqual(['hunter2-secret', 'hunter2-token']);
  });

  test.each(['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const)(
    'are refused with half of the pair, %s alone',
    async (name) => {
      const error = await errorOf(() => openCredentials({ region }, recordedPorts({ [name]: pair[name] })));
      expect(error).toMatchObject({ name: 'UserError', code: 'credentials-missing' });
      expect(error.message).toMatch(/is set in the environment, but AWS_\w+ is not: set both or neither/);
      expect(error.message).not.toContain('hunter2');
    },
  );
});

describe('a role without tokens', () => {
  test('is refused before any request, with the two lines to add', async () => {
    const role = { arn: 'arn:aws:iam::123456789012:role/publish', durationMs: 3_600_000 };
    const error = await errorOf(() => openCredentials({ region, role }, recordedPorts(pair)));
    expect(error).toMatchObject({ name: 'UserError', code: 'credentials-missing' });
    expect(error.hint).toContain('\npermissions:\n  id-token: write\n');
  });
});

describe('the chain of the machine', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'slipway-aws-'));
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
    vi.stubEnv('HOME', directory);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  });
  afterEach(() => void vi.unstubAllEnvs());

  test('that has nothing says which inputs there are', async () => {
    const error = await errorOf(openCredentials({ region }, recordedPorts({})));
    expect(error).toMatchObject({ name: 'UserError', code: 'credentials-missing' });
    expect(error.hint).toContain('role-to-assume');
    expect(error.hint).toContain('permissions:\n  id-token: write');
  });

  test('gives the profile of a shared configuration, also where there is a key pair beside it', async () => {
    const path = join(directory, 'credentials');
    writeFileSync(path, '[ci]\naws_access_key_id = AKIA2\naws_secret_access_key = hunter3-secret\n');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', path);
    vi.stubEnv('AWS_PROFILE', 'ci');
    const ports = recordedPorts({ ...pair, AWS_PROFILE: 'ci' });
    expect(await openCredentials({ region }, ports)()).toMatchObject({ accessKeyId: 'AKIA2' });
    expect(ports.masked).toEqual(['hunter3-secret']);
  });

  test('says what is wrong with what it found', async () => {
    const sts = await startStsGate(undefined);
    const path = join(directory, 'token');
    writeFileSync(path, 'e30.e30.e30');
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', path);
    vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/machine');
    vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.url);
    sts.answerAlways({ status: 403, code: 'AccessDenied', message: 'not you' });
    const error = await errorOf(openCredentials({ region }, recordedPorts({})));
    sts.close();
    expect(error).toMatchObject({ name: 'RemoteError', code: 'credentials-refused' });
    expect(error.message).toContain('AccessDenied: not you');
  });

  test("gives a container's, with their end", async () => {
    const Expiration = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, '');
    const container = await serveLoopback(async (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ AccessKeyId: 'ASIA3', SecretAccessKey: 'hunter4', Token: 'hunter5', Expiration }),
      );
    });
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', container.url);
    const ports = recordedPorts({});
    expect(await openCredentials({ region }, ports)()).toEqual({
      accessKeyId: 'ASIA3',
      secretAccessKey: 'hunter4',
      sessionToken: 'hunter5',
      expiresAtMs: Date.parse(Expiration),
    });
    expect(ports.masked).toEqual(['hunter4', 'hunter5']);
    container.close();
  });
});
