import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ArchiveSource, ArchiveSpec } from '@slipway/archive';
import { type Problem, printable, systemErrorCode, UserError } from '@slipway/core';
import {
  type FileProblem,
  type FoundPath,
  findFiles,
  leftOutNotices,
  unusedExcludeNotices,
} from '@slipway/local-files';

/** What a source of an archive stands for. */
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
  /** What was left out, and what left nothing out. */
  readonly notices: readonly Problem[];
}

/** The files of each archive. Adds to `problems` what cannot be packed. */
export function observeArchives(
  specs: readonly ArchiveSpec[],
  baseDirectory: string,
  problems: FileProblem[],
): Observed {
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

/** The text of the template. Throws `UserError` `input-invalid` when it is none. */
export async function readTemplate(path: string, workDirectory: string): Promise<string> {
  const refuse = (why: string, cause?: unknown): UserError =>
    new UserError('input-invalid', `the readme-template ${printable(path)} cannot be used: ${why}`, {
      cause,
    });
  try {
    const absolute = resolve(workDirectory, path);
    if ((await stat(absolute)).size > maxTemplateBytes) throw refuse('it is larger than 1 MiB');
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(absolute));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw refuse(
      error instanceof TypeError ? 'it is not UTF-8' : (systemErrorCode(error) ?? 'unreadable'),
      error,
    );
  }
}
