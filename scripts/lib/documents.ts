import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ActionDefinition } from '@slipway/runner';
import { type Chain, resolveChain } from './chain.ts';
import { compositeReadme, compositeYaml } from './composite.ts';
import {
  inputWords,
  markdownTable,
  presetWords,
  withTables,
  yamlHead,
  yamlInputs,
  yamlText,
} from './readme.ts';
import { checkedWorkflow, needsTable, workflowChecks } from './workflow-checks.ts';
import { actionMembers, type Member, workspaceMembers } from './workspace.ts';

/** A file that is generated from the declarations of the actions. */
export interface Document {
  readonly path: string;
  readonly contents: string;
}

export interface DocumentedAction {
  readonly member: Member;
  readonly action: ActionDefinition;
}

/** The actions of the repository with their declarations. A folder without `src/action.ts` is skipped. */
export async function loadActions(rootDirectory: string): Promise<readonly DocumentedAction[]> {
  const loaded: DocumentedAction[] = [];
  for (const member of actionMembers(rootDirectory)) {
    const path = join(rootDirectory, member.directory, 'src/action.ts');
    if (!existsSync(path)) continue;
    const { action } = (await import(path)) as { action: ActionDefinition };
    if (action.name !== member.name) throw new Error(`${member.directory} declares the name ${action.name}`);
    loaded.push({ member, action });
  }
  return loaded;
}

/** The composite actions of the repository: folders with a `src/chain.ts`. */
export async function loadChains(rootDirectory: string): Promise<readonly Chain[]> {
  const chains: Chain[] = [];
  for (const path of globSync('actions/*/src/chain.ts', { cwd: rootDirectory }).sort()) {
    const { chain } = (await import(join(rootDirectory, path))) as { chain: Chain };
    if (path !== `actions/${chain.name}/src/chain.ts`)
      throw new Error(`${path} declares the name ${chain.name}`);
    chains.push(chain);
  }
  return chains;
}

/** Every generated file as it must be. Throws an `Error` for a chain that does not match its actions. */
export function documents(
  rootDirectory: string,
  actions: readonly DocumentedAction[],
  chains: readonly Chain[] = [],
): readonly Document[] {
  const read = (path: string): string =>
    existsSync(join(rootDirectory, path)) ? readFileSync(join(rootDirectory, path), 'utf8') : '';
  const names = actions.map(({ action }) => action.name);
  return [
    ...actions.flatMap(({ member, action }) => [
      { path: `${member.directory}/action.yml`, contents: actionYaml(action) },
      {
        path: `${member.directory}/README.md`,
        contents: actionReadme(read(`${member.directory}/README.md`), action),
      },
    ]),
    ...chains.flatMap((chain) => {
      const resolved = resolveChain(
        chain,
        actions.map(({ action }) => action),
      );
      const directory = `actions/${chain.name}`;
      return [
        { path: `${directory}/action.yml`, contents: compositeYaml(resolved) },
        {
          path: `${directory}/README.md`,
          contents: compositeReadme(read(`${directory}/README.md`), resolved),
        },
      ];
    }),
    ...checkedWorkflows(read),
    { path: 'packages/cli/src/registry.ts', contents: registrySource(actions) },
    { path: 'packages/cli/package.json', contents: cliManifest(read('packages/cli/package.json'), names) },
    { path: 'packages/cli/tsconfig.json', contents: cliTsconfig(names) },
    { path: 'tsconfig.build.json', contents: buildTsconfig(rootDirectory) },
  ];
}

/** The reusable workflows, and the guide that lists what they need. */
function checkedWorkflows(read: (path: string) => string): readonly Document[] {
  const checks = Object.entries(workflowChecks).map(([name, check]) => ({
    name,
    check,
    path: `.github/workflows/${name}.yml`,
  }));
  const guide = 'docs/guides/secure-downloads.md';
  const present = checks.filter(({ path }) => read(path) !== '');
  if (present.length === 0) return [];
  const tables = present.map(({ name, check }) => ({ name, table: needsTable(check) }));
  const words = { name: 'secure-downloads', description: '' };
  return [
    ...present.map(({ path, check }) => ({ path, contents: checkedWorkflow(read(path), check) })),
    { path: guide, contents: withTables(read(guide), words, tables) },
  ];
}

/** `action.yml` as GitHub reads it. */
export function actionYaml(action: ActionDefinition): string {
  const outputs = Object.entries(action.outputs).flatMap(([name, { description }]) => [
    `  ${name}:`,
    `    description: ${yamlText(description)}`,
  ]);
  return `${[
    ...yamlHead('src/inputs.ts and src/action.ts', action.name, action.description),
    ...yamlInputs(Object.entries(action.inputs)),
    ...(outputs.length === 0 ? [] : ['outputs:', ...outputs]),
    'runs:',
    '  using: node24',
    '  main: dist/index.js',
  ].join('\n')}\n`;
}

function actionReadme(readme: string, action: ActionDefinition): string {
  const inputs = Object.entries(action.inputs).map(([name, declaration]) => [
    `\`${name}\``,
    inputWords(declaration),
    presetWords(declaration),
  ]);
  const outputs = Object.entries(action.outputs).map(([name, { description }]) => [
    `\`${name}\``,
    description,
  ]);
  return withTables(readme, action, [
    { name: 'inputs', table: markdownTable(['input', 'what it is', 'default'], inputs) },
    { name: 'outputs', table: markdownTable(['output', 'what it is'], outputs) },
  ]);
}

function registrySource(actions: readonly DocumentedAction[]): string {
  const entries = actions.map(
    ({ action }) => `  '${action.name}': {
    description: ${JSON.stringify(action.description)},
    load: () => import('@slipway/${action.name}'),
  },\n`,
  );
  return `// Written by scripts/docs from the folders under actions/.
import type { ActionModule } from '@slipway/runner';

export interface RegistryEntry {
  readonly description: string;
  load(): Promise<ActionModule>;
}

export type ActionRegistry = Readonly<Record<string, RegistryEntry>>;

/** Every action that the CLI runs. Each is in a chunk of its own, which is loaded on demand. */
export const registry: ActionRegistry = {${entries.length === 0 ? '' : `\n${entries.join('')}`}};
`;
}

/** The CLI's package.json: it depends on every action. */
export function cliManifest(text: string, names: readonly string[]): string {
  const manifest = JSON.parse(text) as { dependencies: Record<string, string> };
  const dependencies = [
    '@slipway/core',
    '@slipway/runner',
    ...names.map((name) => `@slipway/${name}`),
  ].sort();
  manifest.dependencies = Object.fromEntries(dependencies.map((name) => [name, 'workspace:*']));
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

function cliTsconfig(names: readonly string[]): string {
  const references = ['../core', '../runner', ...names.map((name) => `../../actions/${name}`)];
  return `{
  "extends": "../../tsconfig.base.json",
  "compilerOptions": { "rootDir": "src", "outDir": "build" },
  "include": ["src"],
  "references": ${referenceList(references)}
}
`;
}

function buildTsconfig(rootDirectory: string): string {
  const directories = workspaceMembers(rootDirectory)
    .map(({ directory }) => directory)
    .filter((directory) => existsSync(join(rootDirectory, directory, 'tsconfig.json')));
  return `{\n  "files": [],\n  "references": ${referenceList(directories)}\n}\n`;
}

function referenceList(paths: readonly string[]): string {
  return `[${paths.map((path) => `{ "path": "${path}" }`).join(', ')}]`;
}
