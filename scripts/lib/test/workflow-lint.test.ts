import { describe, expect, test } from 'vitest';
import { expression } from '../chain.ts';
import {
  disagreeingPins,
  interfacesOf,
  lintYaml,
  type YamlText,
  yamlBlocks,
  yamlTexts,
} from '../workflow-lint.ts';
import { root } from '../workspace.ts';

const texts = yamlTexts(root);
const interfaces = interfacesOf(texts);
const commit = '0123456789'.repeat(4);

describe('the YAML of this repository', () => {
  test('is found: actions, workflows, and examples of documents', () => {
    expect(interfaces.get('actions/s3-publish')?.inputs['source']).toEqual({ required: true });
    for (const kind of ['action', 'workflow', 'example'])
      expect(texts.some((text) => text.kind === kind)).toBe(true);
  });

  test.each(texts.map((text) => [text.place, text] as const))('%s has nothing wrong', (_, text) => {
    expect(lintYaml(text, interfaces)).toEqual([]);
  });

  test('pins each action of others to one commit', () => {
    expect(disagreeingPins(texts)).toEqual([]);
  });
});

function problemsOf(kind: YamlText['kind'], text: string): readonly string[] {
  return lintYaml({ place: 'here', kind, text }, interfaces);
}

const workflowOf = (job: string): string =>
  `on: push\npermissions: {}\nconcurrency: one\njobs:\n  one:\n    runs-on: ubuntu-latest\n    timeout-minutes: 5\n${job}`;
const stepOf = (step: string): string => workflowOf(`    steps:\n      - ${step}\n`);

describe('the lint', () => {
  test('lets through what is right', () => {
    expect(problemsOf('workflow', stepOf(`uses: actions/checkout@${commit} # v7.0.1`))).toEqual([]);
    const own =
      'uses: $/actions/s3-publish\n        id: publish\n        with: { source: dist, destination: "s3://a" }';
    expect(problemsOf('workflow', stepOf(own))).toEqual([]);
    expect(problemsOf('example', 'mirror: file:///srv\n')).toEqual([]);
  });

  test.each<readonly [string, YamlText['kind'], string, string]>([
    [
      'a tag',
      'workflow',
      stepOf('uses: actions/checkout@v7'),
      'actions/checkout@v7 is not pinned to a commit',
    ],
    ['a short commit', 'example', '- uses: a/b@0123456 # v1', 'not pinned'],
    ['a branch in quotes', 'example', '- uses: "a/b@main"', 'not pinned'],
    [
      'a reusable workflow by its branch',
      'workflow',
      'on: push\npermissions: {}\nconcurrency: one\njobs:\n  one:\n    uses: a/b/.github/workflows/c.yml@main\n',
      'not pinned',
    ],
    ['a commit without its version', 'example', `- uses: a/b@${commit}`, 'lacks a comment with its version'],
    ['a key that appears twice', 'example', 'a: 1\na: 2\n', 'unique'],
    ['no YAML', 'example', 'a: [1\n', 'here: '],
    [
      'an input that the action has not',
      'example',
      '- uses: your-org/slipway/actions/s3-publish@v1\n  with: { source: a, destination: b, sauce: c }',
      'actions/s3-publish has no input sauce',
    ],
    [
      'a required input that is not given',
      'example',
      '- uses: your-org/slipway/actions/s3-publish@v1\n  with: { source: a }',
      'actions/s3-publish needs the input destination',
    ],
    [
      'an action that is not there',
      'workflow',
      stepOf('uses: $/actions/s4-publish'),
      'there is no actions/s4-publish',
    ],
    [
      'an output that the action has not',
      'example',
      workflowOf(
        `    steps:\n      - { id: a, uses: your-org/slipway/actions/s3-publish@v1, with: { source: a, destination: b } }\n      - { run: x, env: { X: "${expression('steps.a.outputs.sauce')}" } }\n`,
      ),
      'actions/s3-publish has no output sauce',
    ],
    [
      'a floating own action in a workflow',
      'workflow',
      stepOf('uses: your-org/slipway/actions/s3-publish@v1'),
      'names an owner and a version',
    ],
    [
      'another release in an example',
      'example',
      '- uses: your-org/slipway/actions/s3-publish@main',
      'must be of v1',
    ],
    [
      'a path of the workspace in a workflow that others call',
      'workflow',
      stepOf('uses: ./actions/s3-publish').replace('on: push', 'on: { workflow_call: {} }'),
      "caller's workspace",
    ],
    [
      'a path of the workspace in an action',
      'action',
      'runs: { using: composite, steps: [{ uses: ./actions/s3-publish }] }',
      "caller's workspace",
    ],
    [
      'an input that an action of the workspace has not',
      'workflow',
      stepOf('uses: ./actions/s3-publish\n        with: { source: a, destination: b, sauce: c }'),
      'actions/s3-publish has no input sauce',
    ],
    ['an own reference in an example', 'example', '- uses: $/actions/s3-publish', 'works only in'],
    [
      'an expression in a script',
      'example',
      `- run: echo ${expression('github.event.client_payload.x')}`,
      'contains an expression',
    ],
    [
      'no permissions',
      'example',
      'on: push\njobs:\n  one:\n    runs-on: x\n    steps: []\n',
      'does not set its permissions',
    ],
    [
      'all permissions',
      'example',
      'on: push\npermissions: write-all\njobs: {}\n',
      'permissions are write-all',
    ],
    [
      'no time limit',
      'workflow',
      'on: push\npermissions: {}\nconcurrency: one\njobs:\n  one:\n    runs-on: x\n    steps: []\n',
      'no time limit',
    ],
    [
      'no word on what runs at once',
      'workflow',
      'on: push\npermissions: {}\njobs: {}\n',
      'sets no concurrency',
    ],
    ['no event', 'workflow', 'permissions: {}\njobs: {}\n', 'has no event'],
  ])('finds %s', (_, kind, text, problem) => {
    expect(problemsOf(kind, text).join('\n')).toContain(problem);
  });

  test('finds an action that is pinned to two commits', () => {
    const pinned = (value: string): YamlText => ({
      place: 'a',
      kind: 'example',
      text: `- uses: a/b@${value.repeat(40)}`,
    });
    expect(disagreeingPins([pinned('1'), pinned('2')])).toEqual(['a/b']);
    expect(disagreeingPins([pinned('1'), pinned('1')])).toEqual([]);
  });

  test('knows the blocks of a document, and where they are', () => {
    const blocks = yamlBlocks('a.md', 'One.\n\n```yaml\na: 1\n```\n\n```\nb: 2\n```\n\n```yml\nc: 3\n```\n');
    expect(blocks.map(({ place, text }) => [place, text])).toEqual([
      ['a.md:3', 'a: 1\n'],
      ['a.md:11', 'c: 3\n'],
    ]);
  });
});
