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
  /** The session policy for `session-policy: scoped`, for the role's partition and account. */
  scopedPolicy?(role: RoleArn): string;
  readonly defaultRegion?: string | undefined;
}

/**
 * The region and the credentials from the inputs; sends no request until credentials are needed. Throws `UserError`
 * `credentials-missing` if there are none, and `input-invalid` for the problems of `awsProblems`.
 */
export function openAwsAccess(
  given: AwsInputs,
  context: ActionContext,
  options: AwsAccessOptions = {},
): AwsAccess {
  const region = regionOf(given, context.environment, options.defaultRegion);
  if (region === undefined)
    throw new UserError('input-invalid', 'aws-region is not given, and the environment does not set it');
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
