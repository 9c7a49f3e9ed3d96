export type { AwsCredentialsSource } from '@slipway/core';
export * from './cloudfront.ts';
export * from './cloudfront-batches.ts';
export * from './cloudfront-paths.ts';
export * from './cloudfront-waiting.ts';
export * from './cloudfront-wildcards.ts';
export * from './credentials.ts';
export * from './served.ts';
export { isLoopback } from './served-client.ts';
