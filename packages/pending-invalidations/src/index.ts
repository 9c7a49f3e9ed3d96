export * from './document.ts';
export * from './pending.ts';
