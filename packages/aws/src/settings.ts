import type { AwsCredentials, Clock, Environment, ProgressPort } from '@slipway/core';

/** A role to assume with an OIDC token. */
export interface RoleSettings {
  /** Must satisfy `isRoleArn`. */
  readonly arn: string;
  /** The lifetime of its credentials: 15 minutes to 12 hours. */
  readonly durationMs: number;
  /** The token's audience; the role's `defaultAudience` if not set. */
  readonly audience?: string | undefined;
  /** The session's name in audit logs; made from the repository and the run if not set. */
  readonly sessionName?: string | undefined;
  /** An inline session policy that limits the role: JSON of at most 2,048 characters. */
  readonly sessionPolicy?: string | undefined;
}

/** A key pair of a user, or of an S3-compatible service. */
export type KeySettings = Omit<AwsCredentials, 'expiresAtMs'>;

/** The source of credentials: a role, or else keys, or else whatever the machine has. */
export interface CredentialSettings {
  readonly region: string;
  readonly role?: RoleSettings | undefined;
  readonly keys?: KeySettings | undefined;
  /** An STS other than AWS; AWS's regional endpoint if not set. */
  readonly stsEndpointUrl?: string | undefined;
  /** Accounts that the credentials may belong to; any if empty. */
  readonly expectedAccountIds?: readonly string[] | undefined;
}

export interface CredentialPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly progress: ProgressPort;
  /** Called with each secret as soon as it is known. */
  mask(secret: string): void;
}
