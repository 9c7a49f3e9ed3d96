export * from './inputs.ts';
export * from './mirror-in-cdn.ts';
export * from './opening.ts';
export * from './presentation.ts';
