import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Minio, startMinio } from './minio.ts';
import type { TokenIssuer } from './token-issuer.ts';

const audience = 'sts.amazonaws.com';
const maxTries = 200;
const tryEveryMs = 50;

export interface TrustingMinio extends Minio {
  /** The only role, which MinIO names after the audience. */
  readonly roleArn: string;
}

/**
 * Starts a MinIO whose STS grants all rights to tokens of `issuer` for `sts.amazonaws.com`. Without a region of its own, the
 * default, it accepts any.
 */
export async function startTrustingMinio(
  issuer: TokenIssuer,
  { hasRegion = true }: { readonly hasRegion?: boolean } = {},
): Promise<TrustingMinio> {
  const minio = await startMinio({
    ...(hasRegion ? {} : { MINIO_SITE_REGION: '' }),
    MINIO_IDENTITY_OPENID_CONFIG_URL: `${issuer.url}/.well-known/openid-configuration`,
    MINIO_IDENTITY_OPENID_CLIENT_ID: audience,
    MINIO_IDENTITY_OPENID_ROLE_POLICY: 'readwrite',
  });
  const roleArn = `arn:minio:iam:${hasRegion ? minio.settings.region : ''}::role/${createHash('sha1').update(audience).digest('base64url')}`;
  // It reports that it is alive before it has loaded its policies.
  for (let tries = 0; (await statusOfAssuming(minio, roleArn, issuer)) !== 200; tries += 1) {
    if (tries === maxTries) throw new Error("MinIO's STS does not become ready");
    await sleep(tryEveryMs);
  }
  return { ...minio, roleArn };
}

async function statusOfAssuming(minio: Minio, roleArn: string, issuer: TokenIssuer): Promise<number> {
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: roleArn,
    WebIdentityToken: await issuer.mint(audience),
  });
  const { status } = await fetch(minio.endpointUrl, { method: 'POST', body });
  return status;
}
