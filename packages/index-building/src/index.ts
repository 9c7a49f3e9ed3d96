export * from './wheel-metadata.ts';
