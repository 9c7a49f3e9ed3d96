export * from './api-url.ts';
