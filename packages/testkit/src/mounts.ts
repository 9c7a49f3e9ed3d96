import { execFileSync, spawnSync } from 'node:child_process';
import { temporaryDirectory } from './fixtures.ts';

let isAllowed: boolean | undefined;

/** Whether this process may mount file systems: only then can a disk be full or read-only for root as well. Linux. */
export function haveMounts(): boolean {
  isAllowed ??= tryMount();
  return isAllowed;
}

function tryMount(): boolean {
  const directory = temporaryDirectory('mount');
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'slipway-test', directory]);
  if (status === 0) unmount(directory);
  return status === 0;
}

/** Mounts a file system in memory with these options, such as `size=1m` or `ro`, and returns its directory. */
export function mountTmpfs(options: string): string {
  const directory = temporaryDirectory('tmpfs');
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'slipway-test', directory]);
  return directory;
}

/** A second, read-only path of a directory. */
export function mountReadOnlyView(directory: string): string {
  const view = temporaryDirectory('view');
  execFileSync('mount', ['--bind', directory, view]);
  remount(view, 'bind,ro');
  return view;
}

/** Changes the options of what is mounted. */
export function remount(directory: string, options: string): void {
  execFileSync('mount', ['-o', `remount,${options}`, directory]);
}

/** Removes a mount, even while a file in it is open. */
export function unmount(directory: string): void {
  execFileSync('umount', ['--lazy', directory]);
}
