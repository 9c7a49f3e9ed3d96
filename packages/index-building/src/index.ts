export {
  type BuildInput,
  type BuildOptions,
  type BuildResult,
  buildIndex,
  type DestinationResult,
} from './build-index.ts';
export { isInternalHost } from './check-address.ts';
export type { CheckHttp, CheckRequest, CheckResponse } from './check-http.ts';
export { checkIndex } from './check-index.ts';
export type { CheckInput, CheckOptions, CheckResult, FileSample } from './check-input.ts';
export { type CheckLimits, checkLimits } from './check-reader.ts';
export * from './copied-pages.ts';
export * from './destinations.ts';
export * from './execute.ts';
export * from './external.ts';
export { type ExternalPage, readExternalPage } from './external-page.ts';
export * from './fact-table.ts';
export * from './facts.ts';
export * from './file-hashes.ts';
export * from './http-port.ts';
export * from './listing.ts';
export * from './metadata-facts.ts';
export * from './observe.ts';
export * from './plan-destination.ts';
export * from './save-facts.ts';
export * from './shards.ts';
export * from './source-listing.ts';
export * from './state-files.ts';
export * from './wheel-metadata.ts';
