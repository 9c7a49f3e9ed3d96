export * from './inputs.ts';
export * from './opening.ts';
export * from './presentation.ts';
