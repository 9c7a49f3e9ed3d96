export * from './cdn-paths.ts';
export * from './document.ts';
export * from './pending.ts';
export * from './remembering-store.ts';
