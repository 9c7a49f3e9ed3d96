import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './fixtures.ts';
import { freePorts, startServerProcess } from './server-process.ts';
import { serverProgram } from './server-programs.ts';

/** A role of the server: whom it trusts, and its permissions. */
export interface SeaweedRole {
  readonly name: string;
  /** Conditions of its trust policy; keys are `oidc:sub`, `oidc:aud` and the other claims. */
  readonly conditions: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface SeaweedServer {
  /** S3 and STS. */
  readonly url: string;
  readonly bucket: string;
  /** The account's name in its STS. */
  readonly accountId: string;
  /** An administrator's keys. */
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string };
  roleArn(name: string): string;
  stop(): Promise<void>;
}

const grpcOffset = 10_000;
const bucket = 'mirror';
const accountId = '123456789012';

/**
 * Starts SeaweedFS with roles that trust an issuer's tokens under conditions, which its STS enforces. Undefined where
 * the program is not installed.
 */
export async function startSeaweed(options: {
  readonly issuer: string;
  readonly audience: string;
  readonly roles: readonly SeaweedRole[];
}): Promise<SeaweedServer | undefined> {
  const program = serverProgram('weed');
  if (program === undefined) return undefined;
  const directory = temporaryDirectory('weed');
  const keys = { accessKeyId: 'slipway-administrator', secretAccessKey: randomBytes(20).toString('hex') };
  const configuration = (name: string, value: unknown): string => {
    const path = join(directory, name);
    writeFileSync(path, JSON.stringify(value));
    return path;
  };
  const s3Config = configuration('s3.json', {
    identities: [
      {
        name: 'administrator',
        credentials: [{ accessKey: keys.accessKeyId, secretKey: keys.secretAccessKey }],
        actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'],
      },
    ],
  });
  const iamConfig = configuration('iam.json', iamConfiguration(options));
  const [s3 = 0, master = 0, filer = 0, volume = 0, admin = 0] = await freePorts(5, grpcOffset);
  const url = `http://127.0.0.1:${s3}`;
  const server = await startServerProcess(program, {
    args: [
      'mini',
      '-ip=127.0.0.1',
      '-ip.bind=127.0.0.1',
      `-dir=${directory}`,
      `-s3.port=${s3}`,
      `-master.port=${master}`,
      `-filer.port=${filer}`,
      `-volume.port=${volume}`,
      `-admin.port=${admin}`,
      `-s3.config=${s3Config}`,
      `-s3.iam.config=${iamConfig}`,
      `-s3.localSocket=${join(directory, 's3.sock')}`,
      `-bucket=${bucket}`,
      '-webdav=false',
      '-admin.ui=false',
      '-master.telemetry=false',
    ],
    environment: { TMPDIR: directory },
    isReady: async () => (await fetch(`${url}/${bucket}/none`)).status === 403,
  });
  return {
    url,
    bucket,
    accountId,
    keys,
    roleArn,
    async stop() {
      await server.stop();
      removeSockets([s3, master, filer, volume, admin]);
    },
  };
}

/** It creates sockets in `/tmp`, whatever `TMPDIR` is, and leaves some behind. */
function removeSockets(ports: readonly number[]): void {
  for (const name of readdirSync('/tmp')) {
    const port = Number(/^seaweedfs-.*-(\d+)\.sock$/.exec(name)?.[1]);
    if (ports.some((own) => port === own || port === own + grpcOffset))
      rmSync(join('/tmp', name), { force: true });
  }
}

function roleArn(name: string): string {
  return `arn:aws:iam::role/${name}`;
}

function iamConfiguration({ issuer, audience, roles }: Parameters<typeof startSeaweed>[0]) {
  return {
    sts: {
      tokenDuration: '1h',
      maxSessionLength: '12h',
      issuer: 'slipway-test',
      accountId,
      signingKey: randomBytes(32).toString('base64'),
    },
    policy: { defaultEffect: 'Deny', storeType: 'memory' },
    providers: [
      {
        name: 'github',
        type: 'oidc',
        enabled: true,
        config: { issuer, clientId: audience, jwksUri: `${issuer}/.well-known/jwks` },
      },
    ],
    policies: [
      {
        name: 'bucket',
        document: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Action: ['s3:*'],
              Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
            },
          ],
        },
      },
    ],
    roles: roles.map(({ name, conditions }) => ({
      roleName: name,
      roleArn: roleArn(name),
      attachedPolicies: ['bucket'],
      trustPolicy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Federated: 'github' },
            Action: ['sts:AssumeRoleWithWebIdentity'],
            Condition: conditions,
          },
        ],
      },
    })),
  };
}
