export * from './abandoned-uploads.ts';
export * from './check-stored.ts';
export * from './delete-objects.ts';
export * from './store-file.ts';
export * from './stored-digest.ts';
