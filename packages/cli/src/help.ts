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
      'The value @FILE stands for the contents of the file, @- for standard input, @@ for a leading @. A flag with … can be ' +
        'repeated, or take several lines. --flag alone means --flag true, and --no-flag means --flag false. Each input can also come from a variable, such as ' +
        `${environmentVariable(exampleName)}; flags take precedence. Secrets are read only from files, standard input and variables. ` +
        'A value must not be empty, except a list. The workspace is the current directory.',
      width,
    ),
    '',
    ...wrap(`Outputs, for --${writeFlag} NAME=FILE. Secret ones are shown only by it and by --json:`, width),
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
      'Write an output to a file: the file itself, or the value with one item per line. Files are not written otherwise, unless an input names a place. Only you can read a secret one. With - for FILE the output goes to standard output, and everything else to standard error.',
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
