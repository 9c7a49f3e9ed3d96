export type { AwsCredentials } from '@slipway/core';
