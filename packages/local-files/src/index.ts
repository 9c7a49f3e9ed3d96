export * from './path-words.ts';
