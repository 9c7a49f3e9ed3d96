export * from './fixtures.ts';
export * from './keys.ts';
