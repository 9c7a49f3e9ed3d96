import { stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { type Artifact, type Problem, printable, systemErrorCode, UserError } from '@slipway/core';
import {
  type FileFault,
  FileProblems,
  type FoundPath,
  findFiles,
  leftOutNotices,
  readArtifacts,
  unusedExcludeNotices,
} from '@slipway/local-files';
import { checksumNameProblem } from './checksums.ts';
import type { Inputs } from './inputs.ts';

export interface SourceFile {
  /** Absolute. */
  readonly path: string;
  /** Relative to the directory of the checksums, with slashes. */
  readonly name: string;
  readonly sizeBytes: number;
  /** What another action said about it. */
  readonly artifact: Artifact | undefined;
}

export interface Sources {
  readonly files: readonly SourceFile[];
  /** Everything that was passed on, including what is not signed. */
  readonly artifacts: readonly Artifact[];
  readonly checksumsPath: string;
  /** Notices about excluded files, and about exclusions that matched nothing. */
  readonly notices: readonly Problem[];
}

export const signatureSuffix = '.asc';
const defaultName = 'SHA256SUMS';
const maxFiles = 10_000;

/**
 * The files to sign, sorted by name, from the patterns and the list of artifacts; without signatures and the checksums
 * themselves. Throws one `UserError` for all problems.
 */
export async function findSources(
  { files, artifacts: listPath, checksums }: Inputs,
  workDirectory: string,
): Promise<Sources> {
  const problems = new FileProblems();
  const artifacts = listPath === undefined ? [] : await readArtifacts(listPath, workDirectory);
  const found = new Map<string, Pick<SourceFile, 'sizeBytes' | 'artifact'>>();
  const patterns = findPatterns(files, workDirectory, problems);
  for (const file of patterns.found) found.set(file.path, { sizeBytes: file.sizeBytes, artifact: undefined });
  for (const artifact of artifacts) {
    const path = resolve(workDirectory, artifact.path ?? '');
    if (artifact.path === undefined) {
      problems.add(
        'input-invalid',
        artifact.name,
        'has no path in the list of artifacts: it must be a file on this machine',
      );
    } else if (isSignable(path)) {
      const sizeBytes = await sizeOf(path, artifact, problems);
      if (sizeBytes !== undefined) found.set(path, { sizeBytes, artifact });
    }
  }
  const checksumsPath =
    checksums === undefined
      ? join(commonDirectory([...found.keys()]), defaultName)
      : resolve(workDirectory, checksums);
  found.delete(checksumsPath);
  const named = [...found].map(([path, file]) => ({ ...file, path, name: nameFrom(checksumsPath, path) }));
  for (const { path, name } of named) {
    const problem =
      name.startsWith('../') || isAbsolute(name)
        ? `is not below ${printable(dirname(checksumsPath))}, where the checksums are`
        : checksumNameProblem(name);
    if (problem !== undefined) problems.add('name-invalid', path, problem);
  }
  problems.throwIfAny(
    () => 'Nothing was signed, because of these files',
    'Check files and artifacts, and whether an earlier step created the files.',
  );
  requireSome(named.length);
  return {
    files: named.sort((a, b) => (a.name < b.name ? -1 : 1)),
    artifacts,
    checksumsPath,
    notices: patterns.notices,
  };
}

function findPatterns(
  lines: readonly string[],
  baseDirectory: string,
  problems: FileProblems,
): { readonly found: readonly FoundPath[]; readonly notices: readonly Problem[] } {
  const excludes = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  const patterns = lines.filter((line) => !line.startsWith('!'));
  const leftOut: string[] = [];
  const usedExcludes = new Set<string>();
  const options = { baseDirectory, excludes, problems, leftOut, usedExcludes };
  const found = patterns
    .flatMap((pattern) => findFiles(pattern, options))
    .filter(({ kind, path }) => {
      if (kind === 'link')
        problems.add('source-unreadable', path, 'is a symbolic link: name the file itself');
      return kind === 'file' && isSignable(path);
    });
  const idle = excludes.filter((text) => !usedExcludes.has(text));
  return { found, notices: [...leftOutNotices(leftOut), ...unusedExcludeNotices(idle)] };
}

function isSignable(path: string): boolean {
  return !path.endsWith(signatureSuffix) && basename(path) !== defaultName;
}

async function sizeOf(
  path: string,
  { name, sizeBytes }: Artifact,
  problems: FileProblems,
): Promise<number | undefined> {
  const add = (code: FileFault, what: string): undefined => void problems.add(code, name, what);
  try {
    const stats = await stat(path);
    if (!stats.isFile()) return add('source-unreadable', `is not a file: ${printable(path)}`);
    if (stats.size !== sizeBytes)
      return add('source-unreadable', `has ${stats.size} bytes, but ${sizeBytes} in the list of artifacts`);
    return stats.size;
  } catch (error) {
    return add(
      'source-missing',
      `cannot be read at ${printable(path)} (${systemErrorCode(error) ?? 'unknown'})`,
    );
  }
}

/** The deepest directory that contains all files. */
function commonDirectory(paths: readonly string[]): string {
  let [common = sep, ...others] = paths.map(dirname);
  for (const directory of others) {
    while (directory !== common && !directory.startsWith(common.endsWith(sep) ? common : common + sep))
      common = dirname(common);
  }
  return common;
}

function nameFrom(checksumsPath: string, path: string): string {
  return relative(dirname(checksumsPath), path).replaceAll(sep, '/');
}

function requireSome(count: number): void {
  if (count === 0) {
    throw new UserError('source-missing', 'there is no file to sign', {
      hint: 'Signatures and SHA256SUMS themselves are never signed; name other files.',
    });
  }
  if (count > maxFiles)
    throw new UserError('too-large', `there are more than ${maxFiles.toLocaleString('en-US')} files to sign`);
}
