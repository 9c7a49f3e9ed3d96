import { execFileSync } from 'node:child_process';
import { serverProgram } from '@slipway/testkit';
import type { Command } from './process.ts';

/** The programs in common use for packing zips. */
export interface PackPeer {
  readonly name: string;
  readonly version: string;
  /** The levels to measure: the peer's, and the nearest one of ours. */
  readonly levels: readonly { readonly theirs: number; readonly ours: number }[];
  /** Packs a directory, by its name in `parent`, into a new archive. */
  pack(parent: string, directory: string, archive: string, level: number): Command;
}

/** Those that are on this machine. */
export function packPeers(): readonly PackPeer[] {
  return [zip(), sevenZip()].filter((peer) => peer !== undefined);
}

function zip(): PackPeer | undefined {
  const version = versionOf('zip', ['-v'], /This is Zip (\S+)/);
  if (version === undefined) return undefined;
  return {
    name: 'zip',
    version,
    levels: [{ theirs: 9, ours: 9 }],
    // It names entries relative to its working directory.
    pack: (parent, directory, archive, level) => ({
      program: 'env',
      args: ['--chdir', parent, 'zip', '-q', `-${level}`, '-r', archive, directory],
    }),
  };
}

function sevenZip(): PackPeer | undefined {
  const program = serverProgram('7zz');
  const version = program === undefined ? undefined : versionOf(program, ['i'], /7-Zip \(z\) (\S+)/);
  if (program === undefined || version === undefined) return undefined;
  return {
    name: '7zz',
    version,
    levels: [
      { theirs: 5, ours: 6 },
      { theirs: 9, ours: 9 },
    ],
    pack: (parent, directory, archive, level) => ({
      program: 'env',
      args: [
        '--chdir',
        parent,
        program,
        'a',
        '-bso0',
        '-bsp0',
        '-tzip',
        '-mmt=2',
        `-mx=${level}`,
        archive,
        directory,
      ],
    }),
  };
}

/** Undefined if the program cannot be run or prints no version. */
function versionOf(program: string, args: readonly string[], pattern: RegExp): string | undefined {
  try {
    return pattern.exec(execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }))?.[1];
  } catch {
    return undefined;
  }
}
