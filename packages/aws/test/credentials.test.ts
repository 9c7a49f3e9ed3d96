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
  test('are used unchanged, and masked', async () => {
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

  test('are trimmed of pasted line ends', async () => {
    const environment = {
      AWS_ACCESS_KEY_ID: 'AKIA1\r\n',
      AWS_SECRET_ACCESS_KEY: ' hunter2-secret\n',
      AWS_SESSION_TOKEN: 'hunter2-token\r',
    };
    const ports = recordedPorts(environment);
    expect(await openCredentials({ region }, ports)()).toEqual({
      accessKeyId: 'AKIA1',
      secretAccessKey: 'hunter2-secret',
      sessionToken: 'hunter2-token',
    });
    expect(ports.masked).toEqual(['hunter2-secret', 'hunter2-token']);
  });

  test('I7: with a line end inside are refused by name, all at once, without quoting them', async () => {
    const environment = {
      AWS_ACCESS_KEY_ID: 'AKIA1 AKIA2',
      AWS_SECRET_ACCESS_KEY: 'hunter2\nhunter3',
      AWS_SESSION_TOKEN: 'hunter4\r\nhunter5',
    };
    const error = await errorOf(() => openCredentials({ region }, recordedPorts(environment)));
    expect(error).toMatchObject({ name: 'UserError', code: 'credentials-missing' });
    for (const name of Object.keys(environment))
      expect(error.message).toContain(`the variable ${name} cannot be used`);
    expect(error.message).not.toMatch(/hunter|AKIA/);
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

  test('lists the inputs if it finds nothing', async () => {
    const error = await errorOf(openCredentials({ region }, recordedPorts({})));
    expect(error).toMatchObject({ name: 'UserError', code: 'credentials-missing' });
    expect(error.hint).toContain('role-to-assume');
    expect(error.hint).toContain('permissions:\n  id-token: write');
  });

  /** A shared configuration with the profile `ci`, and the variables that name both. */
  function sharedConfiguration(extra = '') {
    const path = join(directory, 'credentials');
    writeFileSync(path, `[ci]\naws_access_key_id = AKIA2\naws_secret_access_key = hunter3-secret\n${extra}`);
    const environment = {
      AWS_SHARED_CREDENTIALS_FILE: `${path}\n`,
      AWS_CONFIG_FILE: join(directory, 'config'),
      AWS_PROFILE: 'ci\r\n',
    };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    return environment;
  }

  test('uses the profile of a shared configuration, even if its variables end in a line break', async () => {
    const ports = recordedPorts(sharedConfiguration());
    expect(await openCredentials({ region }, ports)()).toMatchObject({ accessKeyId: 'AKIA2' });
    expect(ports.masked).toEqual(['hunter3-secret']);
  });

  test('is skipped if keys are in variables, which take precedence over AWS_PROFILE', async () => {
    const ports = recordedPorts({ ...sharedConfiguration(), ...pair });
    expect(await openCredentials({ region }, ports)()).toMatchObject({ accessKeyId: 'AKIA1' });
    expect(ports.lines).toEqual(['AWS_PROFILE is ignored because keys are set in the environment.']);
    const missing = recordedPorts({ ...sharedConfiguration(), ...pair, AWS_PROFILE: 'nobody' });
    expect(await openCredentials({ region }, missing)()).toMatchObject({ accessKeyId: 'AKIA1' });
  });

  test('names a profile that does not exist, with the files searched and the profiles in them', async () => {
    const environment = { ...sharedConfiguration(), AWS_PROFILE: 'prod' };
    writeFileSync(
      environment.AWS_CONFIG_FILE,
      '[default]\nregion = x\n[profile staging]\nregion = x\n[sso-session s]\nsso_region = x\n',
    );
    // Credentials of another kind must not stand in for those of the profile.
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', 'http://127.0.0.1:1');
    vi.stubEnv('AWS_PROFILE', 'prod');
    const error = await errorOf(openCredentials({ region }, recordedPorts(environment)));
    expect(error).toMatchObject({ name: 'UserError', code: 'credentials-missing' });
    expect(error.message).toBe(
      `AWS_PROFILE names the profile "prod", which does not exist. The files ${directory}/config (AWS_CONFIG_FILE) and ${directory}/credentials (AWS_SHARED_CREDENTIALS_FILE) have the profiles ci, default, staging`,
    );
    expect(error.hint).toContain('Correct or unset AWS_PROFILE');
  });

  test('names a profile, and the default files, if there is no configuration', async () => {
    vi.stubEnv('AWS_PROFILE', 'prod');
    const error = await errorOf(openCredentials({ region }, recordedPorts({ AWS_PROFILE: 'prod' })));
    expect(error.message).toContain(`The files ${directory}/.aws/config (AWS_CONFIG_FILE)`);
    expect(error.message).toContain('have no profiles, or do not exist');
  });

  test('names a profile that has no credentials', async () => {
    const environment = { ...sharedConfiguration('[empty]\nregion = eu-central-1\n'), AWS_PROFILE: 'empty' };
    vi.stubEnv('AWS_PROFILE', 'empty');
    const error = await errorOf(openCredentials({ region }, recordedPorts(environment)));
    expect(error).toMatchObject({ name: 'UserError', code: 'credentials-missing' });
    expect(error.message).toContain('The profile "empty", which AWS_PROFILE names, has no credentials');
  });

  test('reports what is wrong with what it found', async () => {
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

  test("uses a container's, with their expiry", async () => {
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

  test('I7: refuses a session token that no header can carry, without quoting it', async () => {
    const Expiration = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, '');
    const container = await serveLoopback(async (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          AccessKeyId: 'ASIA3',
          SecretAccessKey: 'hunter4',
          Token: 'hunter5\nhunter6',
          Expiration,
        }),
      );
    });
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', container.url);
    const error = await errorOf(openCredentials({ region }, recordedPorts({})));
    container.close();
    expect(error).toMatchObject({ name: 'RemoteError', code: 'credentials-refused' });
    expect(error.message).toContain('The sessionToken of these credentials cannot be used: it has 2 lines');
    expect(error.message).not.toContain('hunter');
  });
});
