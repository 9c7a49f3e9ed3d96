export * from './configuration.ts';
export type { FileReader } from './configuration-parts.ts';
export * from './configuration-schema.ts';
export * from './configuration-text.ts';
export * from './file-names.ts';
export * from './files.ts';
export * from './findings.ts';
export { renderProjectHtml, renderRootHtml } from './html-page.ts';
export * from './json-page.ts';
export * from './listing-page.ts';
export * from './metadata.ts';
export * from './page-bytes.ts';
export * from './parse-configuration.ts';
export { parseProjectPage, parseRootPage } from './parse-page.ts';
export * from './plan.ts';
export { PageContents } from './plan-content.ts';
export { copiedPageKeys } from './plan-copies.ts';
export { planIndex } from './plan-index.ts';
export { type ChangeScope, changeScope, scopedFiles } from './plan-scope.ts';
export * from './plan-state.ts';
export * from './project-name.ts';
export {
  type PageLimits,
  type PageReading,
  type PageSource,
  pageLimits,
  type ReadFile,
  type ReadProjectPage,
  type ReadRootPage,
} from './read-page.ts';
export { schemaProblems } from './schema-check.ts';
export * from './selection.ts';
export { FileSelector, type KnownDirectories } from './selection-files.ts';
export * from './state.ts';
export * from './state-documents.ts';
export * from './state-external.ts';
export * from './state-merge.ts';
export { maxStateBytes, maxTextCharacters, type ReadState } from './state-values.ts';
export * from './versions.ts';
