import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { say } from './lib/command.ts';
import { copyOfTree } from './lib/mutants/copy.ts';
import { mutants } from './lib/mutants/table.ts';
import { failuresOf, runTests, tryMutant } from './lib/mutants/trial.ts';
import { root } from './lib/workspace.ts';

const help = `Breaks the code by one token at a time, in a copy of the working tree, and runs the tests that must notice.

  scripts/mutants [--json] [--list] [WORD…]

WORD…    only the mutants whose name, package or test files contain one of the words
--list   shows the mutants and tries none
--json   prints the results as JSON

Exit status: 0 every mutant was killed, 1 one survived, its text was not found, or a test fails without any,
2 wrong arguments.`;

const options = { json: { type: 'boolean' }, list: { type: 'boolean' }, help: { type: 'boolean' } } as const;

function readArguments(): ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>> {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exit(2);
  }
}

const { values, positionals: words } = readArguments();
if (values.help === true) {
  say(help);
  process.exit(0);
}
const chosen = mutants.filter(
  ({ name, member, tests }) =>
    words.length === 0 || words.some((word) => [name, member, ...tests].some((text) => text.includes(word))),
);
if (chosen.length === 0) {
  say(`No mutant has ${words.join(' or ')} in its name, package or test files.`);
  process.exit(2);
}
if (values.list === true) {
  for (const { name, member, guarantee } of chosen) say(`${member}: ${name}\n    ${guarantee}`);
  process.exit(0);
}

const progress = (line: string): void => {
  if (values.json !== true) say(line);
};
const results: { name: string; member: string; guarantee: string; outcome: string; detail: string }[] = [];
const copy = copyOfTree(root);
try {
  const files = [...new Set(chosen.flatMap(({ tests }) => tests))];
  progress(`Running ${files.length} test files as they are …`);
  const failAnyway = failuresOf(await runTests(copy, files));
  for (const name of failAnyway) progress(`fails without any change, and proves nothing: ${name}`);
  for (const mutant of chosen) {
    const { name, member, guarantee } = mutant;
    const verdict = await tryMutant(mutant, copy, new Set(failAnyway));
    results.push({ name, member, guarantee, ...verdict });
    const detail = verdict.detail === '' ? '' : `  (${verdict.detail})`;
    progress(`${verdict.outcome.padEnd(14)}  ${member}: ${name}${detail}`);
  }
  const alive = results.filter(({ outcome }) => outcome !== 'killed');
  if (alive.length > 0 || failAnyway.length > 0) process.exitCode = 1;
  if (values.json === true) say(JSON.stringify(results, undefined, 2));
  progress(`${results.length - alive.length} of ${results.length} killed`);
} finally {
  rmSync(copy, { recursive: true, force: true });
}
