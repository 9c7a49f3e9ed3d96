export { dagHashMatchesContent } from './dag-hash.ts';
export * from './key-index.ts';
export * from './layout.ts';
export * from './manifest.ts';
export * from './node-table.ts';
export * from './package-index.ts';
export * from './spec-document.ts';
export * from './spec-node.ts';
