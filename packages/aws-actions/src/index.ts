export type { AwsCredentialsSource } from '@slipway/core';
