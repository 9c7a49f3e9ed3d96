export * from './credential-stores.ts';
export * from './find-files.ts';
export * from './partial-file.ts';
export * from './path-globs.ts';
export * from './path-words.ts';
export * from './selection-notices.ts';
export * from './stable-file.ts';
