export { type ArchiveSource, type ArchiveSpec, parseArchiveName, parseArchiveSpecs } from './archive-spec.ts';
export { archiveTimeMs } from './archive-time.ts';
export { checkArchive } from './check-archive.ts';
export type { ArchiveEntry, PackSource, WrittenArchive, WrittenEntry } from './entries.ts';
export {
  entryNameProblem,
  findNameClashes,
  type NameClash,
  type NamedEntry,
  windowsNameProblem,
} from './entry-names.ts';
export { LinkTree, linkProblem } from './links.ts';
export { type ProgramFormat, programFormat } from './program-format.ts';
export { type ReadEntry, type ReadLimits, readArchive } from './read-archive.ts';
export { fillTemplate } from './readme-template.ts';
export { type PackedFiles, type WriteOptions, writeArchive } from './write-archive.ts';
