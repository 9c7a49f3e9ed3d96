import type { AwsCredentials, Clock, Environment, ProgressPort } from '@slipway/core';

/** A role to assume with an OIDC token. */
export interface RoleSettings {
  /** As `isRoleArn` accepts it. */
  readonly arn: string;
  /** How long its credentials live: 15 minutes to 12 hours. */
  readonly durationMs: number;
  /** Whom the token is for; `defaultAudience` of the role when not given. */
  readonly audience?: string | undefined;
  /** What the session is called in audit logs; made from the repository and the run when not given. */
  readonly sessionName?: string | undefined;
  /** An inline session policy: JSON of at most 2,048 characters, that the role's own rights are cut to. */
  readonly sessionPolicy?: string | undefined;
}

/** A key pair, as an access key of a user or of a service that speaks S3. */
export type KeySettings = Omit<AwsCredentials, 'expiresAtMs'>;

/** Where credentials come from: a role, or else keys, or else whatever this machine has. */
export interface CredentialSettings {
  readonly region: string;
  readonly role?: RoleSettings | undefined;
  readonly keys?: KeySettings | undefined;
  /** STS elsewhere than at AWS; the regional endpoint of AWS when not given. */
  readonly stsEndpointUrl?: string | undefined;
  /** Accounts that the credentials may be of; any account when empty. */
  readonly expectedAccountIds?: readonly string[] | undefined;
}

export interface CredentialPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly progress: ProgressPort;
  /** Told of each secret as soon as there is one. */
  mask(secret: string): void;
}
