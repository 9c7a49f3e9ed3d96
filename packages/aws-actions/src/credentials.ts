import { type CredentialSettings, openCredentials, parseRoleArn, type RoleArn } from '@slipway/aws';
import { type AwsCredentialsSource, UserError } from '@slipway/core';
import type { ActionContext } from '@slipway/runner';
import type { AwsInputs } from './inputs.ts';
import { regionOf } from './problems.ts';

export interface AwsAccess {
  readonly region: string;
  readonly credentials: AwsCredentialsSource;
}

export interface AwsAccessOptions {
  /** The session policy for `session-policy: scoped`, made for the partition and account of the role. */
  scopedPolicy?(role: RoleArn): string;
  readonly defaultRegion?: string | undefined;
}

/**
 * The region and the credentials that the inputs name; no request is made before credentials are asked for. Throws
 * `UserError` `credentials-missing` when there can be none, and `input-invalid` for what `awsProblems` tells.
 */
export function openAwsAccess(
  given: AwsInputs,
  context: ActionContext,
  options: AwsAccessOptions = {},
): AwsAccess {
  const region = regionOf(given, context.environment, options.defaultRegion);
  if (region === undefined)
    throw new UserError('input-invalid', 'aws-region is not given, and the environment has none');
  return { region, credentials: openCredentials({ region, ...settingsOf(given, options) }, context) };
}

function settingsOf(given: AwsInputs, options: AwsAccessOptions): Omit<CredentialSettings, 'region'> {
  const { roleToAssume, accessKeyId, secretAccessKey, sessionToken } = given;
  const arn = parseRoleArn(roleToAssume ?? '');
  const scoped = given.sessionPolicy === 'scoped' && arn !== undefined;
  return {
    role:
      roleToAssume === undefined
        ? undefined
        : {
            arn: roleToAssume,
            durationMs: given.roleDuration,
            audience: given.audience,
            sessionName: given.roleSessionName,
            sessionPolicy: scoped ? options.scopedPolicy?.(arn) : undefined,
          },
    keys:
      accessKeyId === undefined || secretAccessKey === undefined
        ? undefined
        : { accessKeyId, secretAccessKey, sessionToken },
    stsEndpointUrl: given.stsEndpointUrl,
    expectedAccountIds: given.expectedAccountIds,
  };
}
