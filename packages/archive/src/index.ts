export * from './archive-spec.ts';
