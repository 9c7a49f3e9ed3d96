import type { ActionDefinition, InputDeclaration } from '@slipway/runner';
import { version } from '@slipway/runner';
import { commonFlags } from './arguments.ts';
import { environmentVariable } from './input-sources.ts';
import { definitionList, wrap } from './text-layout.ts';

const width = 100;

/** The help of `slipway` itself. */
export function generalHelp(actions: readonly (readonly [name: string, description: string])[]): string {
  return page([
    `slipway ${version}: publishes binaries, and proves that they can be fetched.`,
    '',
    'Usage: slipway ACTION [--input value …]',
    '       slipway ACTION --help',
    '',
    'Actions:',
    ...definitionList(actions, width),
    '',
    'Flags:',
    ...definitionList([...commonFlagEntries(), ['--version', 'Show the version.']], width),
    '',
    ...wrap('Exit status: 0 when it is done, 1 when it failed, 2 when the arguments are wrong.', width),
  ]);
}

/** The help of one action, from its declarations. */
export function actionHelp(action: ActionDefinition): string {
  const inputs = Object.entries(action.inputs);
  const required = inputs.filter(([, declaration]) => declaration.required);
  const usage = required.map(([name, declaration]) => ` ${flagTerm(name, declaration)}`).join('');
  const [exampleName = 'name'] = inputs.find(([, { secret }]) => secret) ?? inputs[0] ?? [];
  return page([
    ...wrap(`slipway ${action.name}: ${action.description}`, width),
    '',
    ...wrap(`Usage: slipway ${action.name}${usage} [--input value …]`, width),
    '',
    'Inputs:',
    ...definitionList(
      inputs.map(([name, declaration]) => [flagTerm(name, declaration), explanation(declaration)]),
      width,
    ),
    '',
    ...wrap(
      '@FILE as a value stands for what the file holds, @- for standard input, @@ for a leading @. What has … after it ' +
        'takes its flag several times, or lines. --flag alone is --flag true, and --no-flag is --flag false. Each input can also come from a variable, such as ' +
        `${environmentVariable(exampleName)}; flags win. Secrets are taken only from files, standard input and variables. ` +
        'Reports, manifests and lists are written only where an input names a place for them, and then are outputs: temporary files are made in workflows alone. The workspace is the directory that slipway is started in.',
      width,
    ),
    '',
    'Outputs:',
    ...definitionList(
      Object.entries(action.outputs).map(([name, { description }]) => [name, description]),
      width,
    ),
    '',
    'Flags:',
    ...definitionList(commonFlagEntries(), width),
  ]);
}

function commonFlagEntries(): readonly (readonly [string, string])[] {
  return Object.entries(commonFlags).map(([name, text]) => [`--${name}`, text]);
}

function flagTerm(name: string, declaration: InputDeclaration<unknown>): string {
  if (declaration.kind === 'boolean') return `--[no-]${name}`;
  if (declaration.secret) return `--${name} @FILE`;
  return `--${name} ${declaration.kind.toUpperCase()}${declaration.repeatable === true ? ' …' : ''}`;
}

function explanation(declaration: InputDeclaration<unknown>): string {
  const choices = declaration.choices === undefined ? '' : ` One of ${declaration.choices.join(', ')}.`;
  const requirement = declaration.required ? ' Required.' : '';
  const preset = declaration.default === undefined ? '' : ` Default: ${declaration.default}.`;
  return `${declaration.description}${choices}${requirement}${preset}`;
}

function page(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
