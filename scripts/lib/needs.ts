/**
 * A condition that is checked before anything is done: an input is not blank (given as its name), it is blank, it has one of some
 * values, or another part runs. Names in capitals are secrets of a reusable workflow.
 */
export type Condition =
  | string
  | { readonly kind: 'empty'; readonly input: string }
  | { readonly kind: 'is'; readonly input: string; readonly values: readonly string[] }
  | { readonly kind: 'runs'; readonly part: string };

/** What a part needs: one condition, or alternatives of which one must be met completely. */
export type Need = Condition | { readonly kind: 'one-of'; readonly alternatives: readonly Alternative[] };
export type Alternative = readonly Condition[];

/** A step, a job, or a task within one, which runs or is skipped as a whole. */
export interface Part {
  readonly name: string;
  /** Whether `skip` may name it. */
  readonly maySkip: boolean;
  /** When it runs at all; always by default. */
  readonly when?: readonly Condition[];
  readonly needs: readonly Need[];
}

/** An input that has one of a few values. */
export interface Choice {
  readonly input: string;
  readonly values: readonly string[];
}

/** The input that turns parts off by name. */
export const skipInput = 'skip';

/** Whether an input has one of these values, ignoring case. */
export function isOneOf(input: string, ...values: readonly string[]): Condition {
  return { kind: 'is', input, values };
}

/** Whether an input is blank. */
export function isEmpty(input: string): Condition {
  return { kind: 'empty', input };
}

/** One of several ways to give what is needed. */
export function oneOf(...alternatives: readonly Alternative[]): Need {
  return { kind: 'one-of', alternatives };
}

/** The inputs that the parts check, in the order in which they are named. */
export function inputsOfParts(parts: readonly Part[]): readonly string[] {
  const conditions = parts.flatMap(({ when = [], needs }) => [...when, ...needs.flatMap(conditionsOf)]);
  const names = conditions.flatMap((condition) => {
    if (typeof condition === 'string') return [condition];
    return condition.kind === 'runs' ? [] : [condition.input];
  });
  return [...new Set(names)];
}

/** The variables of `needsScript` and their expressions. */
export function needsVariables(parts: readonly Part[]): readonly (readonly [name: string, code: string])[] {
  const skips = parts.some(({ maySkip }) => maySkip) ? [skipInput] : [];
  return [...inputsOfParts(parts), ...skips].map((name) => [variable(name), `\${{ ${reference(name)} }}`]);
}

function reference(name: string): string {
  return /^[A-Z_]+$/.test(name) ? `secrets.${name}` : `inputs.${name}`;
}

/** Prefixed, so that no input sets a variable that a shell or a program uses. */
function variable(name: string): string {
  return `GIVEN_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** The output that says whether a part runs: `true` or `false`. */
export function runsOutput(part: string): string {
  return `run-${part}`;
}

/**
 * A script for bash 3.2 that fails with one error that names everything that is missing, or else outputs whether each part
 * runs. Values are passed in variables, so that no text of a user becomes code.
 */
export function needsScript(parts: readonly Part[], choices: readonly Choice[] = []): string {
  const skippable = parts.filter(({ maySkip }) => maySkip).map(({ name }) => name);
  return `
set -euf
shopt -s nocasematch
# A blank text counts as empty.
has() { [[ "$1" == *[![:space:]]* ]]; }
${choices.map(choiceCheck).join('')}${skippable.length === 0 ? '' : skipReading(skippable)}problems=''
may_skip=''
lacks() {
  problems="$problems\${problems:+; }$1 needs $2"
  if [ "$3" = true ] && [[ ", $may_skip, " != *", $1, "* ]]; then may_skip="$may_skip\${may_skip:+, }$1"; fi
}
${parts.map(partScript).join('\n')}
if [ -n "$problems" ]; then
  echo "::error::Required inputs are empty: $problems. Nothing was done. Set them\${may_skip:+, or skip what you do not want: skip: $may_skip}."
  exit 1
fi`.trim();
}

function skipReading(skippable: readonly string[]): string {
  return `skipped=' '
for name in \${${variable(skipInput)}//,/ }; do
  case "$name" in
    ${skippable.join(' | ')}) skipped="$skipped$name " ;;
    *)
      echo "::error::skip names \${name//[!A-Za-z0-9_-]/?}, but only these can be skipped: ${skippable.join(', ')}"
      exit 1
      ;;
  esac
done
`;
}

function choiceCheck({ input, values }: Choice): string {
  return `case "$${variable(input)}" in
  ${values.join(' | ')}) ;;
  *)
    echo '::error::${input} must be one of ${values.join(', ')}'
    exit 1
    ;;
esac
`;
}

function partScript({ name, maySkip, when = [], needs }: Part): string {
  const conditions = [...(maySkip ? [`[[ "$skipped" != *' ${name} '* ]]`] : []), ...when.map(test)];
  const checks = needs.map(
    (need) => `  ${needTest(need)} || lacks ${name} '${needWords(need)}' ${maySkip}\n`,
  );
  const flag = runFlag(name);
  return `${flag}=false
if ${conditions.length === 0 ? 'true' : conditions.join(' && ')}; then
  ${flag}=true
${checks.join('')}fi
echo "${runsOutput(name)}=$${flag}" >> "$GITHUB_OUTPUT"`;
}

function runFlag(part: string): string {
  return `run_${part.replaceAll('-', '_')}`;
}

function conditionsOf(need: Need): readonly Condition[] {
  return typeof need !== 'string' && need.kind === 'one-of' ? need.alternatives.flat() : [need];
}

function needTest(need: Need): string {
  if (typeof need === 'string' || need.kind !== 'one-of') return test(need);
  return `{ ${need.alternatives.map((all) => `{ ${all.map(test).join(' && ')}; }`).join(' || ')}; }`;
}

function test(condition: Condition): string {
  if (typeof condition === 'string') return `has "$${variable(condition)}"`;
  switch (condition.kind) {
    case 'empty':
      return `! has "$${variable(condition.input)}"`;
    case 'is': {
      const value = `"$${variable(condition.input)}"`;
      const tests = condition.values.map((text) => `[[ ${value} == '${text}' ]]`);
      return tests.length === 1 ? tests.join('') : `{ ${tests.join(' || ')}; }`;
    }
    case 'runs':
      return `[ "$${runFlag(condition.part)}" = true ]`;
  }
}

/** Needs for a table: `a`; `b` or `c`. */
export function needsText(needs: readonly Need[]): string {
  return needs.map((need) => needWords(need, (name) => `\`${name}\``)).join('; ');
}

/** A need in words: `token, or app-id and app-private-key`. `quote` can mark names. */
function needWords(need: Need, quote: (text: string) => string = (text) => text): string {
  const words = (condition: Condition): string => conditionWords(condition, quote);
  if (typeof need === 'string' || need.kind !== 'one-of') return words(need);
  return need.alternatives.map((all) => all.map(words).join(' and ')).join(', or ');
}

function conditionWords(condition: Condition, quote: (text: string) => string): string {
  if (typeof condition === 'string') return quote(condition);
  switch (condition.kind) {
    case 'empty':
      return `no ${quote(condition.input)}`;
    case 'is':
      return condition.values.map((value) => quote(`${condition.input}: ${value}`)).join(' or ');
    case 'runs':
      return quote(condition.part);
  }
}
