export * from './concurrency.ts';
export * from './errors.ts';
export * from './keys.ts';
export * from './measures.ts';
export * from './ports.ts';
export * from './printable.ts';
export * from './problems.ts';
export * from './redaction.ts';
