import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is tested on macOS and Windows too: it starts no servers, and its code differs between systems or depends on them. */
const directories = [
  'packages/core',
  'packages/archive',
  'packages/dispatch-payload',
  'packages/download-window',
  'packages/local-files',
  'packages/spack-buildcache',
  'actions/license-key-check',
];

/** What Windows does not have: programs, modes of files, pipes with names. */
const posixOnly = /\b(?:execFileSync\('|unzip\(|chmodSync\(|mkfifo\b)|\['sh'|\.mode & |\bkill -/;

/** The arguments of Vitest for the portable tests. On Windows they exclude the files that need a POSIX system. */
export function portableTests(root: string, platform: NodeJS.Platform): readonly string[] {
  if (platform !== 'win32') return directories;
  const files = globSync(
    directories.map((directory) => `${directory}/test/*.test.ts`),
    { cwd: root },
  );
  const excluded = files.filter((file) => posixOnly.test(readFileSync(join(root, file), 'utf8'))).sort();
  return [...directories, ...excluded.flatMap((file) => ['--exclude', file.replaceAll('\\', '/')])];
}
