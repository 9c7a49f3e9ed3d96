import { createHash } from 'node:crypto';
import { constants, open, readFile, realpath, stat } from 'node:fs/promises';
import { basename, relative, resolve } from 'node:path';
import {
  type Artifact,
  counted,
  mapConcurrently,
  parseArtifacts,
  printable,
  systemErrorCode,
  UserError,
  type UserErrorCode,
} from '@slipway/core';
import { nameProblem } from '@slipway/download-window';
import type { Inputs } from './inputs.ts';

const maxListBytes = 64 * 2 ** 20;
const maxFiles = 1_000;
const maxNamedProblems = 20;
const hashedAtOnce = 2;

/** A file of the release. */
export interface ReleaseFile {
  readonly platform: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Its real path; undefined where only the list was looked at. */
  readonly path: string | undefined;
  /** As it was given, for the list that is handed on. */
  readonly artifact: Artifact;
}

/** `bytes`: files are read and hashed. `facts`: what the list says of a file is taken, others are read. `names`: no file is read. */
export type FileNeeds = 'bytes' | 'facts' | 'names';

interface Candidate {
  readonly platform: string;
  readonly name: string;
  readonly path: string | undefined;
  /** The path as others can use it: relative to the workspace where it is below it. */
  readonly given: string | undefined;
  /** From the list; undefined for a line of `files`. */
  readonly listed: Artifact | undefined;
}

interface Fault {
  readonly code: UserErrorCode;
  readonly what: string;
}

/**
 * The files that the inputs name, in their order, each once. Throws a `UserError` that tells everything that is wrong with
 * them, `source-missing` when there are none, and what `parseArtifacts` throws. `onBytes` is told what was hashed.
 */
export async function loadReleaseFiles(
  given: Inputs,
  workDirectory: string,
  needs: FileNeeds,
  onBytes: (count: number) => void = () => {},
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
  const faults: Fault[] = [];
  const looked = await mapConcurrently(candidates, hashedAtOnce, async (candidate) => {
    try {
      return await lookAt(candidate, needs, onBytes);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      faults.push({ code: error.code, what: error.message });
      return undefined;
    }
  });
  const files = new Map<string, ReleaseFile>();
  for (const file of looked) {
    if (file === undefined) continue;
    const place = `${file.platform}/${file.name}`;
    const known = files.get(place);
    if (known !== undefined && known.sha256 !== file.sha256) {
      faults.push({
        code: 'content-invalid',
        what: `${printable(place)}: two different files have this place`,
      });
    }
    if (known === undefined) files.set(place, file);
  }
  throwFaults(faults);
  return [...files.values()];
}

async function listedFiles(given: Inputs, workDirectory: string): Promise<readonly Candidate[]> {
  if (given.artifacts === undefined) return [];
  const path = resolve(workDirectory, given.artifacts);
  let text: string;
  try {
    if ((await stat(path)).size > maxListBytes)
      throw new UserError('too-large', 'the list of artifacts is too large');
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      'source-missing',
      `The list of artifacts ${printable(given.artifacts)} cannot be read (${codeOf(error)}).`,
      { hint: 'Give the output "artifacts" of the step that made the files.', cause: error },
    );
  }
  return parseArtifacts(text).map((artifact) => ({
    platform: artifact.platform ?? given.defaultPlatform,
    name: artifact.name,
    path: artifact.path === undefined ? undefined : resolve(workDirectory, artifact.path),
    given: artifact.path,
    listed: artifact,
  }));
}

async function lookAt(
  { platform, name, path, given, listed }: Candidate,
  needs: FileNeeds,
  onBytes: (count: number) => void,
): Promise<ReleaseFile> {
  const named = printable(`${platform}: ${name}`);
  for (const segment of [platform, name]) {
    const problem = nameProblem(segment);
    if (problem !== undefined)
      throw new UserError('name-invalid', `${named} cannot be a part of a link: ${problem}`);
  }
  if (needs === 'names') {
    const { sizeBytes = 0, sha256 = '' } = listed ?? {};
    const artifact = listed ?? { name, platform, sizeBytes, sha256 };
    return { platform, name, sizeBytes, sha256, path: undefined, artifact };
  }
  if (needs === 'facts' && listed !== undefined) {
    return { platform, name, sizeBytes: listed.sizeBytes, sha256: listed.sha256, path, artifact: listed };
  }
  if (path === undefined)
    throw new UserError('source-missing', `${named} has no path in the list of artifacts`);
  const found = await hashFile(path, named, onBytes);
  const { sizeBytes, sha256 } = found;
  if (listed !== undefined && (listed.sha256 !== sha256 || listed.sizeBytes !== sizeBytes)) {
    throw new UserError(
      'content-invalid',
      `${named} is not the file that the list of artifacts has: its SHA-256 is ${sha256}`,
    );
  }
  const artifact = listed ?? { name, platform, path: given, sizeBytes, sha256 };
  return { platform, name, sizeBytes, sha256, path: found.path, artifact };
}

async function hashFile(
  path: string,
  named: string,
  onBytes: (count: number) => void,
): Promise<{ readonly path: string; readonly sizeBytes: number; readonly sha256: string }> {
  try {
    const real = await realpath(path);
    // A pipe would never begin.
    const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      if (!(await file.stat()).isFile()) throw new UserError('source-unreadable', `${named} is no file`);
      const digest = createHash('sha256');
      let sizeBytes = 0;
      const stream = file.createReadStream({ autoClose: false, highWaterMark: 2 ** 20 });
      for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        digest.update(chunk);
        sizeBytes += chunk.length;
        onBytes(chunk.length);
      }
      return { path: real, sizeBytes, sha256: digest.digest('hex') };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    const code = codeOf(error);
    const kind = code === 'ENOENT' ? 'source-missing' : 'source-unreadable';
    throw new UserError(kind, `${named}: ${printable(path)} cannot be read (${code})`, { cause: error });
  }
}

function throwFaults(faults: readonly Fault[]): void {
  const [first] = faults;
  if (first === undefined) return;
  const lines = faults.slice(0, maxNamedProblems).map(({ what }) => `  ${what}`);
  if (faults.length > lines.length) lines.push(`  and ${faults.length - lines.length} more`);
  throw new UserError(
    first.code,
    `${counted(faults.length, 'file')} cannot be published, so nothing was:\n${lines.join('\n')}`,
    { hint: 'Check artifacts and files, and whether an earlier step made them.' },
  );
}

function relativePath(workDirectory: string, path: string): string {
  const below = relative(workDirectory, resolve(workDirectory, path));
  return below.startsWith('..') ? resolve(workDirectory, path) : below;
}

function codeOf(error: unknown): string {
  return systemErrorCode(error) ?? 'for an unknown reason';
}
