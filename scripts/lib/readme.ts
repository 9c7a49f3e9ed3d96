import type { InputDeclaration } from '@slipway/runner';

/** What a table says about an input. */
export type DescribedInput = Pick<
  InputDeclaration<unknown>,
  'description' | 'kind' | 'choices' | 'default' | 'required'
>;

/** A table between its markers in a README. */
export interface NamedTable {
  readonly name: string;
  readonly table: string;
}

/** A README with its tables as they must be. `title` and `description` are for a new one. */
export function withTables(
  readme: string,
  { name, description }: { readonly name: string; readonly description: string },
  tables: readonly NamedTable[],
): string {
  const sections = tables.map((table) => `## ${capitalized(table.name)}\n\n${markers(table.name, '')}\n`);
  const initial = `# ${name}\n\n${description}\n\n${sections.join('\n')}`;
  return tables.reduce(
    (text, { name: marker, table }) => replaceBetweenMarkers(text, marker, table),
    readme === '' ? initial : readme,
  );
}

function capitalized(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

/** A text in YAML: a JSON string. */
export function yamlText(value: string): string {
  return JSON.stringify(value);
}

/** The `inputs:` of an `action.yml`, or nothing. */
export function yamlInputs(
  inputs: readonly (readonly [name: string, input: DescribedInput])[],
): readonly string[] {
  const lines = inputs.flatMap(([name, { description, required, default: preset }]) => [
    `  ${name}:`,
    `    description: ${yamlText(description)}`,
    `    required: ${required}`,
    ...(preset === undefined ? [] : [`    default: ${yamlText(preset)}`]),
  ]);
  return lines.length === 0 ? [] : ['inputs:', ...lines];
}

/** The head of every `action.yml`. */
export function yamlHead(source: string, name: string, description: string): readonly string[] {
  return [
    `# Written by scripts/docs from ${source}: change those.`,
    `name: ${yamlText(`Slipway ${name}`)}`,
    `description: ${yamlText(description)}`,
    'author: Slipway',
    'branding:',
    '  icon: anchor',
    '  color: blue',
  ];
}

/** The description of an input with its choices and its kind. */
export function inputWords({ description, kind, choices }: DescribedInput): string {
  const words =
    choices === undefined ? '' : ` One of ${choices.map((choice) => `\`${choice}\``).join(', ')}.`;
  return `${description}${words} (${kind})`;
}

/** The text in the column of defaults. */
export function presetWords({ required, default: preset }: DescribedInput): string {
  if (required) return '**required**';
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

/** A table in Markdown, which the formatter aligns. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')).join(' | ')} |\n`;
  return `${line(head)}|${' --- |'.repeat(head.length)}\n${rows.map(line).join('')}`;
}
