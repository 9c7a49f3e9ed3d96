import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkArchive, type PackedFiles, type WrittenArchive, writeArchive } from '@slipway/archive';
import {
  asSlipwayError,
  counted,
  formatBytes,
  makeDirectories,
  type ProgressPort,
  type SlipwayError,
  UserError,
  unreachable,
  writeError,
} from '@slipway/core';
import { hasContents, partialPath } from '@slipway/local-files';
import type { Plan, WriteStep } from './plan.ts';

export interface PackedArchive extends WrittenArchive {
  readonly name: string;
  readonly platform: string | undefined;
  /** Whether the same bytes were already there. Undefined until it is put in place. */
  readonly wasThere: boolean | undefined;
}

export interface Result {
  /** What was written, even if it was not put in place. */
  readonly archives: readonly PackedArchive[];
  readonly failure: SlipwayError | undefined;
}

export interface ExecuteOptions {
  readonly outputDirectory: string;
  readonly level: number;
  readonly timeMs: number;
  readonly progress: ProgressPort;
}

const placeHint = 'Name a writable directory that has no subdirectory with the name of a zip.';

interface Pending {
  readonly step: WriteStep;
  /** Its temporary path. */
  readonly path: string;
  readonly written: WrittenArchive;
}

/**
 * Carries out a plan. Archives are written under temporary names, read back and checked, and get their own names only if all of
 * them are right.
 */
export async function execute(plan: Plan, options: ExecuteOptions): Promise<Result> {
  const pending = new Map<string, Pending>();
  const partialPaths: string[] = [];
  const placed = new Map<string, boolean>();
  const packedFiles: PackedFiles = new Map();
  let failure: SlipwayError | undefined;
  try {
    makeDirectories(options.outputDirectory, placeHint);
    for (const step of plan.steps) {
      switch (step.kind) {
        case 'write-archive': {
          const path = partialPath(join(options.outputDirectory, step.name));
          partialPaths.push(path);
          const written = await writeChecked(step, path, packedFiles, options);
          pending.set(step.name, { step, path, written });
          break;
        }
        case 'put-in-place':
          requireSizes([...pending.values()]);
          for (const name of step.names) {
            const archive = pending.get(name);
            if (archive !== undefined) placed.set(name, await putInPlace(archive, options.outputDirectory));
          }
          break;
        default:
          unreachable(step);
      }
    }
  } catch (error) {
    failure = asSlipwayError(error);
  } finally {
    for (const path of partialPaths) await rm(path, { force: true });
  }
  const archives = [...pending.values()].map(({ step, written }) => ({
    ...written,
    name: step.name,
    platform: step.platform,
    wasThere: placed.get(step.name),
  }));
  return { archives, failure };
}

async function writeChecked(
  step: WriteStep,
  path: string,
  packedFiles: PackedFiles,
  { level, timeMs, outputDirectory, progress }: ExecuteOptions,
): Promise<WrittenArchive> {
  const totalBytes = unpackedBytes(step);
  const onBytes = (count: number): void => progress.advance(count);
  progress.start(
    `Packing ${step.name}, ${counted(step.entries.length, 'entry', 'entries')}`,
    totalBytes,
    'bytes',
  );
  const written = await writeArchive(path, step.entries, {
    level,
    timeMs,
    scratchDirectory: outputDirectory,
    packedFiles,
    onBytes,
  });
  progress.start(`Reading ${step.name} back`, totalBytes, 'bytes');
  await checkArchive(path, written, onBytes);
  return written;
}

/** The total size of the entries of an archive before they are compressed. */
export function unpackedBytes({ entries }: WriteStep): number {
  let total = 0;
  for (const entry of entries) {
    if (entry.kind !== 'file') continue;
    total += entry.source.kind === 'file' ? entry.source.sizeBytes : Buffer.byteLength(entry.source.text);
  }
  return total;
}

function requireSizes(pending: readonly Pending[]): void {
  const wrong = pending.flatMap(({ step: { name, minimumBytes = 0, maximumBytes = Infinity }, written }) => {
    const size = formatBytes(written.sizeBytes);
    if (written.sizeBytes < minimumBytes)
      return [`${name} has ${size}, less than ${formatBytes(minimumBytes)}`];
    return written.sizeBytes > maximumBytes
      ? [`${name} has ${size}, more than ${formatBytes(maximumBytes)}`]
      : [];
  });
  if (wrong.length > 0) {
    throw new UserError('content-invalid', `${wrong.join('; ')}. No zip was put in place.`, {
      hint: 'Check whether the build left something out or added something, or change minimum-size or maximum-size.',
    });
  }
}

/** Returns whether a zip with the same bytes was already there. */
async function putInPlace(pending: Pending, directory: string): Promise<boolean> {
  const path = join(directory, pending.step.name);
  try {
    if (hasContents(path, pending.written)) return true;
    await rename(pending.path, path);
    return false;
  } catch (error) {
    throw writeError(path, error, placeHint);
  }
}
