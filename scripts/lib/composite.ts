import {
  type ChainInput,
  type ChainStep,
  conditionOf,
  expression,
  leftOutCondition,
  preparation,
  type ResolvedChain,
  sourceText,
} from './chain.ts';
import { type Choice, inputsOfParts, needsScript, needsText, needsVariables, type Part } from './needs.ts';
import {
  inputWords,
  markdownTable,
  presetWords,
  withTables,
  yamlHead,
  yamlInputs,
  yamlText,
} from './readme.ts';

/**
 * `action.yml` of a composite action. Its steps are the actions beside it on the runner's disk. They are copied into the workspace
 * while it runs, because a composite action can refer to files only there; so it names no repository and no version.
 */
export function compositeYaml(chain: ResolvedChain): string {
  const outputs = chain.allOutputs.flatMap(({ name, description, step, output }) => [
    `  ${name}:`,
    `    description: ${yamlText(description)}`,
    `    value: \${{ steps.${step}.outputs.${output} }}`,
  ]);
  return `${[
    ...yamlHead('src/chain.ts and the actions that it names', chain.name, chain.description),
    ...yamlInputs(chain.allInputs.map(({ name, declaration }) => [name, declaration])),
    ...(outputs.length === 0 ? [] : ['outputs:', ...outputs]),
    'runs:',
    '  using: composite',
    '  steps:',
    ...preparationStep(chain),
    ...chain.steps.flatMap(actionStep),
    ...dryRunSteps(chain),
    '    - name: Remove the actions',
    '      if: always()',
    '      shell: bash',
    '      run: rm -rf -- "$GITHUB_WORKSPACE/.slipway-actions"',
  ].join('\n')}\n`;
}

/**
 * Copies the actions of this release to where the steps expect them. Whatever the workspace has under that name is removed, and
 * `mkdir` fails if that did not work.
 */
function preparationStep({ name, steps, allParts, allInputs }: ResolvedChain): readonly string[] {
  const names = [...new Set(steps.map(({ action }) => action))];
  const commitTime = `
# So that the same release comes out the same on every runner.
source_date="\${SOURCE_DATE_EPOCH:-}"
if [ -z "$source_date" ]; then
  source_date="$(git -C "$GITHUB_WORKSPACE" log -1 --format=%ct 2> /dev/null || true)"
fi
echo "source-date=\${source_date//$'\\n'/ }" >> "$GITHUB_OUTPUT"`;
  return [
    '    - name: Copy the actions of this release',
    `      id: ${preparation}`,
    '      shell: bash',
    '      env:',
    `        DRY_RUN: \${{ inputs.dry-run }}`,
    ...needsVariables(allParts).map(([name, code]) => `        ${name}: ${code}`),
    '      run: |',
    ...indented(`
${needsScript(allParts, choicesOf(allParts, allInputs))}
case "$DRY_RUN" in
  true | yes | on | 1) dry_run=true ;;
  '' | false | no | off | 0) dry_run=false ;;
  *)
    echo '::error::dry-run must be true or false'
    exit 1
    ;;
esac
for action in ${names.join(' ')}; do
  if [ ! -f "$GITHUB_ACTION_PATH/../$action/dist/index.js" ]; then
    echo "::error::This ref\${GITHUB_ACTION_REF:+, $GITHUB_ACTION_REF,} has no bundles (there is no actions/$action/dist): branches have none. Use a release tag, such as uses: \${GITHUB_ACTION_REPOSITORY:-your-org/slipway}/actions/${name}@v1"
    exit 1
  fi
done
own="$GITHUB_WORKSPACE/.slipway-actions"
if ! { rm -rf -- "$own" && mkdir -- "$own"; } 2> /dev/null; then
  echo '::error::.slipway-actions in the workspace cannot be replaced. Remove it before this step.'
  exit 1
fi
for action in ${names.join(' ')}; do
  mkdir -- "$own/$action"
  cp -R -- "$GITHUB_ACTION_PATH/../$action/action.yml" "$GITHUB_ACTION_PATH/../$action/dist" "$own/$action/"
done
echo "dry-run=$dry_run" >> "$GITHUB_OUTPUT"${steps.some(({ atCommitTime }) => atCommitTime) ? commitTime : ''}`),
  ];
}

/** The inputs with a choice of values that parts depend on. */
function choicesOf(parts: readonly Part[], inputs: readonly ChainInput[]): readonly Choice[] {
  const looked = inputsOfParts(parts);
  return inputs.flatMap(({ name, declaration: { choices } }) =>
    choices === undefined || !looked.includes(name) ? [] : [{ input: name, values: choices }],
  );
}

function actionStep(step: ChainStep): readonly string[] {
  const given = Object.entries(step.inputs).filter(([, source]) => source.kind !== 'left-out');
  const condition = conditionOf(step);
  return [
    `    - name: ${step.id}`,
    `      id: ${step.id}`,
    ...(condition === undefined ? [] : [`      if: ${yamlText(condition)}`]),
    `      uses: ./.slipway-actions/${step.action}`,
    ...(step.atCommitTime
      ? ['      env:', `        SOURCE_DATE_EPOCH: ${expression(`steps.${preparation}.outputs.source-date`)}`]
      : []),
    ...(given.length === 0 ? [] : ['      with:']),
    ...given.map(([name, source]) => `        ${name}: ${yamlText(sourceText(source))}`),
  ];
}

/** Steps that say what a dry run skips. */
function dryRunSteps({ steps }: ResolvedChain): readonly string[] {
  const sentences = new Map<string, string[]>();
  for (const step of steps) {
    const { id, notInDryRun } = step;
    if (notInDryRun === undefined) continue;
    const condition = leftOutCondition(step, notInDryRun);
    const sentence = `echo 'Dry run: ${id} did not run, because ${notInDryRun.reason}.'`;
    sentences.set(condition, [...(sentences.get(condition) ?? []), sentence]);
  }
  return [...sentences].flatMap(([condition, lines]) => [
    '    - name: Say what the dry run skips',
    `      if: ${yamlText(condition)}`,
    '      shell: bash',
    '      run: |',
    ...indented(lines.join('\n')),
  ]);
}

function indented(script: string): readonly string[] {
  return script
    .trim()
    .split('\n')
    .map((line) => (line === '' ? '' : `        ${line}`));
}

/** The README of a composite with its tables: steps, inputs, outputs, and fixed inputs of the steps. */
export function compositeReadme(readme: string, chain: ResolvedChain): string {
  const steps = chain.steps.map((step) => [
    `\`${step.id}\``,
    `[\`${step.action}\`](../${step.action})`,
    needsCell(step),
    dryRunWords(step),
  ]);
  const inputs = chain.allInputs.map(({ name, declaration, steps: users }) => [
    `\`${name}\``,
    inputWords(declaration),
    presetWords(declaration),
    users.map((id) => `\`${id}\``).join(', '),
  ]);
  const outputs = chain.allOutputs.map(({ name, description }) => [`\`${name}\``, description]);
  return withTables(readme, chain, [
    { name: 'steps', table: markdownTable(['step', 'action', 'needs', 'in a dry run'], steps) },
    { name: 'inputs', table: markdownTable(['input', 'what it is', 'default', 'for'], inputs) },
    { name: 'outputs', table: markdownTable(['output', 'what it is'], outputs) },
    { name: 'fixed', table: markdownTable(['step', 'input', 'what it gets'], fixedRows(chain)) },
  ]);
}

function needsCell({ needs = [], maySkip = false, parts = {} }: ChainStep): string {
  const own = [needsText(needs), ...(maySkip ? ['may be skipped'] : [])].filter((words) => words !== '');
  const within = Object.entries(parts).map(
    ([name, needed]) => `for \`${name}\`, which may be skipped: ${needsText(needed)}`,
  );
  return [own.join('; '), ...within].filter((words) => words !== '').join('. ');
}

function dryRunWords({ notInDryRun }: ChainStep): string {
  if (notInDryRun === undefined) return 'is dry';
  const { reason, unless } = notInDryRun;
  return unless === undefined ? `does not run: ${reason}` : `is dry when \`${unless}\`; else ${reason}`;
}

/** Inputs of the steps that are not inputs of the composite. */
function fixedRows({ steps }: ResolvedChain): readonly (readonly string[])[] {
  return steps.flatMap((step) =>
    Object.entries(step.inputs).flatMap(([name, source]) => {
      if (source.kind === 'input') return [];
      const what = source.kind === 'left-out' ? `nothing: ${source.reason}` : `\`${sourceText(source)}\``;
      return [[`\`${step.id}\``, `\`${name}\``, what]];
    }),
  );
}
