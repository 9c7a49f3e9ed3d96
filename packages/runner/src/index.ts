export * from './declaration.ts';
export * from './input.ts';
