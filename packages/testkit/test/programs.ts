import { execFileSync } from 'node:child_process';

/** System programs that judge what the testkit makes. */

export function tarListing(path: string): string[] {
  return execFileSync('tar', ['-tzf', path], { encoding: 'utf8' }).split('\n');
}

export function tarText(path: string, member: string): string {
  return execFileSync('tar', ['-xzOf', path, member], { encoding: 'utf8' });
}
