export * from './arguments.ts';
export * from './registry.ts';
export * from './run-command.ts';
