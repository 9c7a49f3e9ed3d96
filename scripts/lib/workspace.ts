import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The root of the repository. */
export const root = resolve(import.meta.dirname, '../..');

export interface Member {
  /** `actions/buildcache-sign`, `packages/core`: relative to the root. */
  readonly directory: string;
  /** The last segment of the directory. */
  readonly name: string;
  readonly dependencies: readonly string[];
}

/** Every action and package of the workspace below `rootDirectory`, sorted by directory. */
export function workspaceMembers(rootDirectory: string = root): readonly Member[] {
  return ['actions', 'packages'].flatMap((parent) =>
    readdirSync(join(rootDirectory, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => readMember(rootDirectory, `${parent}/${entry.name}`))
      .filter((member) => member !== undefined)
      .sort((a, b) => (a.directory < b.directory ? -1 : 1)),
  );
}

/** The members that are actions with source files. */
export function actionMembers(rootDirectory: string = root): readonly Member[] {
  return workspaceMembers(rootDirectory).filter((member) => member.directory.startsWith('actions/'));
}

/** `member` and every member that it imports, directly or through others. */
export function withDependencies(member: Member, members: readonly Member[]): readonly Member[] {
  const found = new Set([member]);
  for (const one of found) {
    for (const other of members) if (one.dependencies.includes(`@slipway/${other.name}`)) found.add(other);
  }
  return [...found];
}

function readMember(rootDirectory: string, directory: string): Member | undefined {
  let text: string;
  try {
    text = readFileSync(join(rootDirectory, directory, 'package.json'), 'utf8');
  } catch {
    return undefined;
  }
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
  return {
    directory,
    name: directory.slice(directory.indexOf('/') + 1),
    dependencies: Object.keys(dependencies),
  };
}
