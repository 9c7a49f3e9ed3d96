export * from './file-hashes.ts';
export * from './source-listing.ts';
export * from './wheel-metadata.ts';
