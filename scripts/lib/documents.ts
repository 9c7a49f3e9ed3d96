import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ActionDefinition, InputDeclaration } from '@slipway/runner';
import { actionMembers, type Member, workspaceMembers } from './workspace.ts';

/** A file that is made from the declarations of the actions. */
export interface Document {
  readonly path: string;
  readonly contents: string;
}

export interface DocumentedAction {
  readonly member: Member;
  readonly action: ActionDefinition;
}

/** The actions of the repository with their declarations; a folder without `src/action.ts` is not one yet. */
export async function loadActions(rootDirectory: string): Promise<readonly DocumentedAction[]> {
  const loaded: DocumentedAction[] = [];
  for (const member of actionMembers(rootDirectory)) {
    const path = join(rootDirectory, member.directory, 'src/action.ts');
    if (!existsSync(path)) continue;
    const { action } = (await import(path)) as { action: ActionDefinition };
    if (action.name !== member.name) throw new Error(`${member.directory} calls itself ${action.name}`);
    loaded.push({ member, action });
  }
  return loaded;
}

/** Every derived file as it has to be. */
export function documents(rootDirectory: string, actions: readonly DocumentedAction[]): readonly Document[] {
  const read = (path: string): string =>
    existsSync(join(rootDirectory, path)) ? readFileSync(join(rootDirectory, path), 'utf8') : '';
  const names = actions.map(({ action }) => action.name);
  return [
    ...actions.flatMap(({ member, action }) => [
      { path: `${member.directory}/action.yml`, contents: actionYaml(action) },
      {
        path: `${member.directory}/README.md`,
        contents: withTables(read(`${member.directory}/README.md`), action),
      },
    ]),
    { path: 'packages/cli/src/registry.ts', contents: registrySource(actions) },
    { path: 'packages/cli/package.json', contents: cliManifest(read('packages/cli/package.json'), names) },
    { path: 'packages/cli/tsconfig.json', contents: cliTsconfig(names) },
    { path: 'tsconfig.build.json', contents: buildTsconfig(rootDirectory) },
  ];
}

/** `action.yml` as GitHub reads it. Texts are JSON strings, which YAML takes as they are. */
export function actionYaml(action: ActionDefinition): string {
  const text = (value: string): string => JSON.stringify(value);
  const inputs = Object.entries(action.inputs).flatMap(
    ([name, { description, required, default: preset }]) => [
      `  ${name}:`,
      `    description: ${text(description)}`,
      `    required: ${required}`,
      ...(preset === undefined ? [] : [`    default: ${text(preset)}`]),
    ],
  );
  const outputs = Object.entries(action.outputs).flatMap(([name, { description }]) => [
    `  ${name}:`,
    `    description: ${text(description)}`,
  ]);
  return `${[
    '# Written by scripts/docs from src/inputs.ts and src/action.ts: change those.',
    `name: ${text(`Slipway ${action.name}`)}`,
    `description: ${text(action.description)}`,
    'author: Slipway',
    'branding:',
    '  icon: anchor',
    '  color: blue',
    ...(inputs.length === 0 ? [] : ['inputs:', ...inputs]),
    ...(outputs.length === 0 ? [] : ['outputs:', ...outputs]),
    'runs:',
    '  using: node24',
    '  main: dist/index.js',
  ].join('\n')}\n`;
}

function withTables(readme: string, action: ActionDefinition): string {
  const inputs = Object.entries(action.inputs).map(([name, declaration]) => [
    `\`${name}\``,
    inputWords(declaration),
    declaration.required ? '**required**' : presetWords(declaration),
  ]);
  const outputs = Object.entries(action.outputs).map(([name, { description }]) => [
    `\`${name}\``,
    description,
  ]);
  const initial = `# ${action.name}\n\n${action.description}\n\n## Inputs\n\n${markers('inputs', '')}\n\n## Outputs\n\n${markers('outputs', '')}\n`;
  return [
    { name: 'inputs', table: markdownTable(['input', 'what it is', 'default'], inputs) },
    { name: 'outputs', table: markdownTable(['output', 'what it is'], outputs) },
  ].reduce(
    (text, { name, table }) => replaceBetweenMarkers(text, name, table),
    readme === '' ? initial : readme,
  );
}

function inputWords({ description, kind, choices }: InputDeclaration<unknown>): string {
  const words =
    choices === undefined ? '' : ` One of ${choices.map((choice) => `\`${choice}\``).join(', ')}.`;
  return `${description}${words} (${kind})`;
}

function presetWords({ default: preset }: InputDeclaration<unknown>): string {
  return preset === undefined ? '' : `\`${preset}\``;
}

function markers(name: string, contents: string): string {
  return `<!-- begin ${name} -->\n${contents}<!-- end ${name} -->`;
}

function replaceBetweenMarkers(text: string, name: string, contents: string): string {
  const pattern = new RegExp(`<!-- begin ${name} -->\\n[^]*?<!-- end ${name} -->`);
  if (!pattern.test(text)) {
    throw new Error(
      `a README.md has no "<!-- begin ${name} -->" and "<!-- end ${name} -->" around its table`,
    );
  }
  return text.replace(pattern, () => markers(name, contents));
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')).join(' | ')} |\n`;
  return `${line(head)}|${' --- |'.repeat(head.length)}\n${rows.map(line).join('')}`;
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

/** Every action that the CLI runs, each in a chunk of its own that is loaded when it is wanted. */
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
