export * from './body.ts';
export * from './client.ts';
export * from './failure.ts';
export * from './redirects.ts';
export * from './sdk-handler.ts';
