import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  ListBucketsCommand,
  PutBucketPolicyCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { AwsCredentials } from '@slipway/core';
import { freePorts, type ServerProcess, startServerProcess } from './server-process.ts';
import { serverProgram } from './server-programs.ts';

const maxStarts = 3;
const startMs = 60_000;
const region = 'us-east-1';

/** A real MinIO with its own directory, port and root user. */
export interface Minio {
  readonly endpointUrl: string;
  /** What `openStore` takes as settings. */
  readonly settings: { readonly region: string; readonly endpointUrl: string; readonly forcePathStyle: true };
  readonly credentials: AwsCredentials;
  /** Reads and changes buckets without the code under test. */
  readonly client: S3Client;
  /** Makes an empty bucket and returns its name. */
  makeBucket(): Promise<string>;
  /** Makes a bucket whose objects are public, but which can be listed only with credentials. */
  makePublicBucket(): Promise<string>;
  /** Temporary credentials with the permissions `actions` (such as `s3:GetObject`) for the whole server. */
  limitedCredentials(actions: readonly string[]): Promise<AwsCredentials>;
  /** Temporary credentials with the permissions of an IAM policy, given as JSON. */
  credentialsOfPolicy(policy: string): Promise<AwsCredentials>;
  /** Ends the server and removes what it stored. */
  stop(): Promise<void>;
}

/** Whether `startMinio` works on this machine. */
export function haveMinio(): boolean {
  return serverProgram('minio') !== undefined;
}

/**
 * Starts MinIO on a free loopback port and waits until it answers. `environment` is added to its own, such as what makes it
 * trust an issuer of tokens.
 */
export async function startMinio(environment: Readonly<Record<string, string>> = {}): Promise<Minio> {
  const program = serverProgram('minio');
  if (program === undefined) throw new Error('MinIO is not installed: scripts/test installs it');
  const directory = mkdtempSync(join(tmpdir(), 'slipway-minio-'));
  const credentials = {
    accessKeyId: randomBytes(10).toString('hex'),
    secretAccessKey: randomBytes(20).toString('hex'),
  };
  const { server, endpointUrl } = await startOnFreePort(program, directory, {
    ...environment,
    MINIO_ROOT_USER: credentials.accessKeyId,
    MINIO_ROOT_PASSWORD: credentials.secretAccessKey,
  });
  const settings = { region, endpointUrl, forcePathStyle: true } as const;
  const client = new S3Client({ region, endpoint: endpointUrl, forcePathStyle: true, credentials });
  let buckets = 0;
  const minio: Minio = {
    endpointUrl,
    settings,
    credentials,
    client,
    async makeBucket() {
      buckets += 1;
      const bucket = `bucket-${buckets}-${randomBytes(4).toString('hex')}`;
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      return bucket;
    },
    async makePublicBucket() {
      const bucket = await minio.makeBucket();
      const statement = {
        Effect: 'Allow',
        Principal: { AWS: ['*'] },
        Action: ['s3:GetObject'],
        Resource: [`arn:aws:s3:::${bucket}/*`],
      };
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
      await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
      return bucket;
    },
    limitedCredentials(actions) {
      const statement = { Effect: 'Allow', Action: actions, Resource: 'arn:aws:s3:::*' };
      return minio.credentialsOfPolicy(JSON.stringify({ Version: '2012-10-17', Statement: [statement] }));
    },
    async credentialsOfPolicy(policy) {
      const sts = new STSClient({ region, endpoint: endpointUrl, credentials });
      const { Credentials: given } = await sts.send(
        new AssumeRoleCommand({
          RoleArn: 'arn:aws:iam::000000000000:role/limited',
          RoleSessionName: 'limited',
          Policy: policy,
        }),
      );
      sts.destroy();
      const {
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        SessionToken: sessionToken,
      } = given ?? {};
      if (accessKeyId === undefined || secretAccessKey === undefined)
        throw new Error('MinIO returned no credentials');
      return { accessKeyId, secretAccessKey, sessionToken };
    },
    async stop() {
      client.destroy();
      await server.stop();
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  await untilInitialized(minio);
  return minio;
}

/** It reports that it is alive before it has loaded its buckets and users; until then it refuses requests with 503. */
async function untilInitialized(minio: Minio): Promise<void> {
  for (const endMs = Date.now() + startMs; ; await sleep(50)) {
    try {
      await minio.client.send(new ListBucketsCommand({}));
      await minio.limitedCredentials(['s3:ListBucket']);
      return;
    } catch (error) {
      if (Date.now() < endMs) continue;
      await minio.stop();
      throw error;
    }
  }
}

/** If another process takes the port before the server does, the server is started again on another port. */
async function startOnFreePort(
  program: string,
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly server: ServerProcess; readonly endpointUrl: string }> {
  for (let start = 1; ; start += 1) {
    const [port] = await freePorts(1);
    const endpointUrl = `http://127.0.0.1:${port}`;
    try {
      const server = await startServerProcess(program, {
        args: ['server', join(directory, 'data'), '--address', `127.0.0.1:${port}`],
        environment: {
          HOME: directory,
          MINIO_CI_CD: '1',
          MINIO_BROWSER: 'off',
          // Without one it accepts signatures for any region.
          MINIO_SITE_REGION: region,
          ...environment,
        },
        isReady: async () => (await fetch(`${endpointUrl}/minio/health/live`)).ok,
      });
      return { server, endpointUrl };
    } catch (error) {
      if (start === maxStarts) throw error;
    }
  }
}
