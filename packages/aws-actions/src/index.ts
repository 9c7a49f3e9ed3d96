export * from './credentials.ts';
export * from './inputs.ts';
export * from './problems.ts';
export * from './stores.ts';
