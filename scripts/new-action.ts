import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { version } from '@slipway/runner';
import { say } from './lib/command.ts';
import { cliManifest } from './lib/documents.ts';
import { actionMembers, root, workspaceMembers } from './lib/workspace.ts';

const maxNameCharacters = 40;

/** Why a new action cannot be called `name`; undefined if it can. */
function nameProblem(name: string): string | undefined {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > maxNameCharacters) {
    return `the name must be lower-case words joined by hyphens, at most ${maxNameCharacters} characters`;
  }
  if (workspaceMembers().some((member) => member.name === name) || existsSync(join(root, 'actions', name))) {
    return `${name} already exists`;
  }
  return undefined;
}

const [name = ''] = process.argv.slice(2);
const problem = name === '' ? 'usage: scripts/new-action NAME' : nameProblem(name);
if (problem !== undefined) {
  say(problem);
  process.exitCode = 2;
} else {
  const templates = join(root, 'scripts/templates/action');
  for (const file of globSync('**/*.txt', { cwd: templates })) {
    const path = join(root, 'actions', name, file.replace(/\.txt$/, ''));
    mkdirSync(dirname(path), { recursive: true });
    const text = readFileSync(join(templates, file), 'utf8');
    writeFileSync(path, text.replaceAll('{{name}}', name).replaceAll('{{version}}', version));
  }
  const manifest = join(root, 'packages/cli/package.json');
  const names = actionMembers().map((member) => member.name);
  writeFileSync(manifest, cliManifest(readFileSync(manifest, 'utf8'), names));
}
