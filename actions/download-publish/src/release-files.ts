import { realpath, stat } from 'node:fs/promises';
import { basename, relative, resolve } from 'node:path';
import {
  type Artifact,
  counted,
  type ProgressPort,
  printable,
  systemErrorCode,
  UserError,
} from '@slipway/core';
import { nameProblem } from '@slipway/download-window';
import { FileProblems, type FileToHash, hashNamed, readArtifacts } from '@slipway/local-files';
import type { ActionContext } from '@slipway/runner';
import type { Inputs } from './inputs.ts';

const maxFiles = 1_000;

/** A file of the release. */
export interface ReleaseFile {
  readonly platform: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** The real path of a file that was read. Undefined if the list has no path. */
  readonly path: string | undefined;
  /** As given, for the list that is passed on. */
  readonly artifact: Artifact;
}

/** `bytes`: files are read and hashed. `facts`: listed facts are trusted, other files are read. `names`: no file is read. */
export type FileNeeds = 'bytes' | 'facts' | 'names';

interface Candidate {
  readonly platform: string;
  readonly name: string;
  readonly path: string | undefined;
  /** The path for later steps: relative to the workspace if it is inside. */
  readonly given: string | undefined;
  /** From the list; undefined for a line of `files`. */
  readonly listed: Artifact | undefined;
}

/**
 * The files that the inputs name, in order and without duplicates. Throws one `UserError` with everything that is wrong with them,
 * and what `readArtifacts` throws.
 */
export async function loadReleaseFiles(
  given: Inputs,
  { workDirectory, workerEntry, progress }: Pick<ActionContext, 'workDirectory' | 'workerEntry' | 'progress'>,
  needs: FileNeeds,
): Promise<readonly ReleaseFile[]> {
  const candidates = [
    ...(await listedFiles(given, workDirectory)),
    ...given.files.map(({ platform, path }) => ({
      platform,
      path: resolve(workDirectory, path),
      given: relativePath(workDirectory, path),
      name: basename(path),
      listed: undefined,
    })),
  ];
  if (candidates.length > maxFiles)
    throw new UserError('too-large', `There are more than ${maxFiles} files to publish.`);
  const problems = new FileProblems();
  const read = candidates.filter(({ listed }) => needs === 'bytes' || (needs === 'facts' && !listed));
  const hashed = await readCandidates(read, problems, workerEntry, progress);
  const files = new Map<string, ReleaseFile>();
  for (const candidate of candidates) {
    const { platform, name } = candidate;
    for (const segment of [platform, name]) {
      const problem = nameProblem(segment);
      if (problem !== undefined)
        problems.add('name-invalid', nameOf(candidate), `cannot be part of a link: ${problem}`);
    }
    const file = read.includes(candidate) ? hashed.get(candidate) : unreadFile(candidate);
    if (file === undefined) continue;
    const place = `${platform}/${name}`;
    const known = files.get(place);
    if (known === undefined) files.set(place, file);
    else if (known.sha256 !== file.sha256)
      problems.add('content-invalid', place, 'is the name of two different files');
  }
  problems.throwIfAny(
    (count) => `${counted(count, 'file')} cannot be published, so nothing was`,
    'Check artifacts and files, and whether an earlier step created them.',
  );
  return [...files.values()];
}

async function listedFiles(given: Inputs, workDirectory: string): Promise<readonly Candidate[]> {
  if (given.artifacts === undefined) return [];
  const artifacts = await readArtifacts(given.artifacts, workDirectory);
  return artifacts.map((artifact) => ({
    platform: artifact.platform ?? given.defaultPlatform,
    name: artifact.name,
    path: artifact.path === undefined ? undefined : resolve(workDirectory, artifact.path),
    given: artifact.path,
    listed: artifact,
  }));
}

function unreadFile({ platform, name, path, listed }: Candidate): ReleaseFile {
  const artifact = listed ?? { name, platform, sizeBytes: 0, sha256: '' };
  return { platform, name, sizeBytes: artifact.sizeBytes, sha256: artifact.sha256, path, artifact };
}

/** Finds and hashes the files of these candidates. Those that cannot be read are problems. */
async function readCandidates(
  candidates: readonly Candidate[],
  problems: FileProblems,
  workerEntry: string | undefined,
  progress: ProgressPort,
): Promise<ReadonlyMap<Candidate, ReleaseFile>> {
  const found: (FileToHash & { readonly name: string; readonly candidate: Candidate })[] = [];
  for (const candidate of candidates) {
    const { path } = candidate;
    if (path === undefined) {
      problems.add('source-missing', nameOf(candidate), 'has no path in the list of artifacts');
      continue;
    }
    try {
      const real = await realpath(path);
      found.push({ candidate, name: nameOf(candidate), path: real, sizeBytes: (await stat(real)).size });
    } catch (error) {
      const code = systemErrorCode(error) ?? 'for an unknown reason';
      const fault = code === 'ENOENT' ? 'source-missing' : 'source-unreadable';
      problems.add(fault, nameOf(candidate), `cannot be read at ${printable(path)} (${code})`);
    }
  }
  const digests = await hashNamed(found, { workerEntry, progress, problems });
  const files = new Map<Candidate, ReleaseFile>();
  for (const [index, { candidate, path }] of found.entries()) {
    const digest = digests[index];
    const { platform, name, given, listed } = candidate;
    if (digest === undefined) continue;
    const { sizeBytes, sha256 } = digest;
    if (listed !== undefined && (listed.sha256 !== sha256 || listed.sizeBytes !== sizeBytes)) {
      const why = `differs from the list of artifacts: its SHA-256 is ${sha256}`;
      problems.add('content-invalid', nameOf(candidate), why);
      continue;
    }
    const artifact = listed ?? { name, platform, path: given, sizeBytes, sha256 };
    files.set(candidate, { platform, name, sizeBytes, sha256, path, artifact });
  }
  return files;
}

function nameOf({ platform, name }: Candidate): string {
  return `${platform}: ${name}`;
}

function relativePath(workDirectory: string, path: string): string {
  const below = relative(workDirectory, resolve(workDirectory, path));
  return below.startsWith('..') ? resolve(workDirectory, path) : below;
}
