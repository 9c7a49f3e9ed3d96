import { join, resolve } from 'node:path';
import type { ArchiveSource, ArchiveSpec } from '@slipway/archive';
import { type Problem, printable, sentence, UserError } from '@slipway/core';
import {
  FileProblems,
  type FoundPath,
  findFiles,
  leftOutNotices,
  readBoundedFile,
  unusedExcludeNotices,
} from '@slipway/local-files';
import type { Inputs } from './inputs.ts';

/** A source of an archive with the files that it names. */
export interface ObservedSource extends ArchiveSource {
  readonly found: readonly FoundPath[];
}

export interface ObservedArchive {
  readonly name: string;
  readonly sources: readonly ObservedSource[];
}

const maxTemplateBytes = 2 ** 20;

export interface Observed {
  readonly archives: readonly ObservedArchive[];
  /** Notices about excluded files, and about exclusions that matched nothing. */
  readonly notices: readonly Problem[];
  readonly template: string | undefined;
  /** Paths of the archives that are going to be written. */
  readonly outputPaths: ReadonlySet<string>;
}

/** Finds the files and reads the template. Throws one `UserError` for everything that is wrong with the files. */
export async function observe(
  { archives: specs, universal, sourceDirectory = '.', readmeTemplate }: Inputs,
  outputDirectory: string,
  workDirectory: string,
): Promise<Observed> {
  const problems = new FileProblems();
  const found = findArchives(specs, resolve(workDirectory, sourceDirectory), problems);
  const template =
    readmeTemplate === undefined ? undefined : await readTemplate(readmeTemplate, workDirectory);
  problems.throwIfAny(
    () => 'Nothing was packed, because of these paths in archives',
    'Check the paths, and whether an earlier step made the files.',
  );
  const names = [...specs.map(({ name }) => name), ...(universal === undefined ? [] : [universal])];
  return { ...found, template, outputPaths: new Set(names.map((name) => join(outputDirectory, name))) };
}

/** The files of each archive. Adds to `problems` what cannot be packed. */
function findArchives(
  specs: readonly ArchiveSpec[],
  baseDirectory: string,
  problems: FileProblems,
): Pick<Observed, 'archives' | 'notices'> {
  const leftOut: string[] = [];
  const idle: string[] = [];
  const archives = specs.map(({ name, sources, excludes }) => {
    const usedExcludes = new Set<string>();
    const options = { baseDirectory, excludes, problems, leftOut, usedExcludes };
    const observed = sources.map((source) => ({ ...source, found: findFiles(source.path, options) }));
    idle.push(...excludes.filter((text) => !usedExcludes.has(text)));
    return { name, sources: observed };
  });
  return { archives, notices: [...leftOutNotices(leftOut), ...unusedExcludeNotices(idle)] };
}

/** The text of the template. Throws `UserError` `input-invalid` when it cannot be used. */
async function readTemplate(path: string, workDirectory: string): Promise<string> {
  try {
    const bytes = await readBoundedFile(path, { maxBytes: maxTemplateBytes, baseDirectory: workDirectory });
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const why = error instanceof UserError ? error.message : `${printable(path)} is not UTF-8`;
    throw new UserError('input-invalid', sentence(`The readme-template cannot be used: ${why}`), {
      cause: error,
    });
  }
}
