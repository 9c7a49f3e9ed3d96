export * from './file-names.ts';
export * from './files.ts';
export * from './project-name.ts';
export * from './versions.ts';
