import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { bundleMember } from './lib/bundle.ts';
import { inParallel, say } from './lib/command.ts';
import { type Member, root, workspaceMembers } from './lib/workspace.ts';

/** The compiled entry point of a member's bundle; undefined if it has no bundle. */
function entryOf(member: Member): string | undefined {
  const source = member.directory.startsWith('actions/')
    ? 'index'
    : member.name === 'cli'
      ? 'main'
      : undefined;
  if (source === undefined || !existsSync(join(root, member.directory, `src/${source}.ts`))) return undefined;
  return `build/${source}.js`;
}

const members = workspaceMembers();
const wanted = process.argv.slice(2);
// The command line first: with everything in it, it takes longest.
const bundles = members
  .toReversed()
  .map((member) => ({ member, entry: entryOf(member) }))
  .filter(
    ({ member, entry }) => entry !== undefined && (wanted.length === 0 || wanted.includes(member.name)),
  );
const unknown = wanted.filter((name) => !bundles.some(({ member }) => member.name === name));
if (unknown.length > 0) {
  say(`There is nothing to bundle called ${unknown.join(', ')}.`);
  process.exitCode = 2;
} else {
  await inParallel(bundles, Math.min(4, availableParallelism()), async ({ member, entry = '' }) => {
    try {
      const startedMs = performance.now();
      const { sizeBytes, budgetBytes, built, strayAwsSdk } = await bundleMember(root, member, members, entry);
      const how = built ? `${((performance.now() - startedMs) / 1000).toFixed(1)} s` : 'up to date';
      const excess = sizeBytes > budgetBytes;
      say(
        `${excess ? '✗' : '✓'} ${member.directory}/dist: ${kilobytes(sizeBytes)} of ${kilobytes(budgetBytes)}, ${how}`,
      );
      if (strayAwsSdk)
        say(`✗ ${member.directory}/dist contains the AWS SDK, but the action does not use AWS`);
      if (excess || strayAwsSdk) process.exitCode = 1;
    } catch (error) {
      say(`✗ ${member.directory}: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    }
  });
}

function kilobytes(bytes: number): string {
  return `${Math.ceil(bytes / 1000).toLocaleString('en-US')} kB`;
}
