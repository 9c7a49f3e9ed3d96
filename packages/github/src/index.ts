export * from './api-url.ts';
export { type Dispatch, type DispatchOutcome, GitHub, type GitHubOptions, type RunSearch } from './github.ts';
export { GitHubFailure, type GitHubFailureCode } from './refusal.ts';
export * from './runs.ts';
export { type AppCredentials, parseAppKey } from './tokens.ts';
