export * from './file-hashes.ts';
export * from './source-listing.ts';
export * from './state-files.ts';
export * from './wheel-metadata.ts';
