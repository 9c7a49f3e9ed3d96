import type { ActionDefinition, InputDeclaration, OutputDeclaration } from '@slipway/runner';
import { version } from '@slipway/runner';
import { commonFlags, writeFlag } from './arguments.ts';
import { exitStatuses } from './exit-statuses.ts';
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
    ...exitStatusLines(),
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
        'A value that is given must not be empty, a list may be. The workspace is the directory that slipway is started in.',
      width,
    ),
    '',
    ...wrap(
      `Outputs, each for --${writeFlag} NAME=FILE; secret ones are shown only so, and with --json:`,
      width,
    ),
    ...definitionList(
      Object.entries(action.outputs).map(([name, output]) => [outputTerm(name, output), output.description]),
      width,
    ),
    '',
    'Flags:',
    ...definitionList(commonFlagEntries(), width),
    '',
    ...exitStatusLines(),
  ]);
}

function exitStatusLines(): readonly string[] {
  return ['Exit status:', ...definitionList(Object.entries(exitStatuses), width)];
}

function commonFlagEntries(): readonly (readonly [string, string])[] {
  return [
    [
      `--${writeFlag} NAME=FILE …`,
      'Write an output to a file: the file that it is, or its value, an item a line. Outputs that are files are written nowhere else, except where an input names a place. A secret one is readable for you alone. With - for FILE it goes to standard output, and everything else to standard error.',
    ],
    ...Object.entries(commonFlags).map(([name, text]) => [`--${name}`, text] as const),
  ];
}

function outputTerm(name: string, { kind, secret }: OutputDeclaration): string {
  const marks = [kind ?? [], secret === true ? 'secret' : []].flat();
  return marks.length === 0 ? name : `${name} (${marks.join(', ')})`;
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
