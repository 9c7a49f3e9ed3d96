import { execFileSync } from 'node:child_process';
import type { Command } from './process.ts';

/** The programs in common use for publishing directories to S3. */
export interface SyncPeer {
  readonly name: string;
  readonly version: string;
  /** Makes the objects under `url` equal to the files in `directory`. */
  sync(directory: string, url: string, endpointUrl: string): Command;
}

/** Those that are on PATH. */
export function syncPeers(): readonly SyncPeer[] {
  return [aws(), s5cmd()].filter((peer) => peer !== undefined);
}

function aws(): SyncPeer | undefined {
  const version = versionOf('aws', ['--version'], /^aws-cli\/(\S+)/);
  if (version === undefined) return undefined;
  return {
    name: 'aws s3 sync',
    version,
    sync: (directory, url, endpointUrl) => ({
      program: 'aws',
      args: ['--endpoint-url', endpointUrl, 's3', 'sync', '--only-show-errors', directory, url],
    }),
  };
}

function s5cmd(): SyncPeer | undefined {
  const version = versionOf('s5cmd', ['version'], /^(v?\d\S*)/);
  if (version === undefined) return undefined;
  return {
    name: 's5cmd sync',
    version,
    sync: (directory, url, endpointUrl) => ({
      program: 's5cmd',
      args: ['--endpoint-url', endpointUrl, '--log', 'error', 'sync', `${directory}/`, `${url}/`],
    }),
  };
}

/** Undefined if the program cannot be run or prints no version. */
function versionOf(program: string, args: readonly string[], pattern: RegExp): string | undefined {
  try {
    return pattern.exec(execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }).trim())?.[1];
  } catch {
    return undefined;
  }
}
