import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineAction, input } from '@slipway/runner';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import {
  type Chain,
  type ChainStep,
  expression,
  fromInput,
  fromOutput,
  leftOut,
  resolveChain,
  sameInputs,
  text,
} from '../chain.ts';
import { compositeReadme, compositeYaml } from '../composite.ts';

const done = async () => ({ outputs: {}, files: [], summary: [], problems: [] });
const dryRun = input.boolean({ description: 'Only tell.', default: 'false' });

const pack = defineAction({
  name: 'pack',
  description: 'Packs.',
  inputs: {
    where: input.requiredPath({ description: 'Where: "here" or there.' }),
    level: input.integer({ description: 'How small.', default: '6', minimum: 0, maximum: 9 }),
    'dry-run': dryRun,
  },
  outputs: { list: { description: 'The list.' }, report: { description: 'The report.' } },
  run: done,
});
const send = defineAction({
  name: 'send',
  description: 'Sends.',
  inputs: {
    list: input.requiredPath({ description: 'What to send.' }),
    to: input.requiredText({ description: 'To whom.' }),
    level: input.integer({ description: 'How loud.', default: '3', minimum: 0, maximum: 9 }),
    'dry-run': dryRun,
  },
  outputs: { sent: { description: 'How many.' } },
  run: done,
});

const packing: ChainStep = { id: 'pack', action: 'pack', inputs: sameInputs('where', 'level', 'dry-run') };
const sending: ChainStep = {
  id: 'send',
  action: 'send',
  needs: ['to'],
  maySkip: true,
  inputs: {
    ...sameInputs('to', 'dry-run'),
    list: fromOutput('pack', 'list'),
    level: text('5'),
  },
};

function chainOf(...steps: readonly ChainStep[]): Chain {
  return { name: 'release', description: 'Packs and sends.', steps };
}

function problemsOf(chain: Chain): string {
  try {
    resolveChain(chain, [pack, send]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return '';
}

interface Yaml {
  readonly inputs: Readonly<Record<string, { description: string; required: boolean; default?: string }>>;
  readonly outputs: Readonly<Record<string, { description: string; value: string }>>;
  readonly runs: {
    readonly using: string;
    readonly steps: readonly Readonly<Record<string, unknown>>[];
  };
}

describe('a chain', () => {
  test('has the inputs of its steps, in their words, and every output of theirs', () => {
    const { allInputs, allOutputs } = resolveChain(chainOf(packing, sending), [pack, send]);
    expect(
      allInputs.map(({ name, declaration, steps }) => [
        name,
        declaration.required,
        declaration.default,
        steps,
      ]),
    ).toEqual([
      ['where', true, undefined, ['pack']],
      ['level', false, '6', ['pack']],
      ['dry-run', false, 'false', ['pack', 'send']],
      ['to', false, undefined, ['send']],
      ['skip', false, undefined, ['send']],
    ]);
    expect(allOutputs.map(({ name }) => name)).toEqual(['pack-list', 'pack-report', 'send-sent']);
  });

  test.each([
    [
      'an input of which nothing is said',
      chainOf({ ...packing, inputs: sameInputs('where', 'dry-run') }),
      'pack: level has no value',
    ],
    [
      'an input that the action has not',
      chainOf({ ...packing, inputs: sameInputs('where', 'level', 'dry-run', 'why') }),
      'pack: pack has no input why',
    ],
    [
      'a required input that is left out',
      chainOf({ ...packing, inputs: { ...packing.inputs, where: leftOut('no') } }),
      'where is required, but left out',
    ],
    ['an output of a later step', chainOf(sending, packing), 'no earlier step has steps.pack.outputs.list'],
    [
      'an output that a step has not',
      chainOf(packing, { ...sending, inputs: { ...sending.inputs, list: fromOutput('pack', 'lists') } }),
      'no earlier step has steps.pack.outputs.lists',
    ],
    [
      'a need of an input that no step gets',
      chainOf({ ...packing, needs: ['wish'] }),
      'a step needs the input wish, which no step gets',
    ],
    [
      'a text with an input that nobody has',
      chainOf({ ...packing, inputs: { ...packing.inputs, level: text(expression('inputs.depth')) } }),
      'there is no input depth',
    ],
    [
      'steps that mean different things by one input',
      chainOf(packing, { ...sending, inputs: { ...sending.inputs, level: fromInput('level') } }),
      'declare a different description and default of the input level',
    ],
    ['an action that is not there', chainOf({ ...packing, action: 'wrap' }), 'there is no action wrap'],
    [
      'words for an input that no step uses',
      { ...chainOf(packing), inputs: { wish: { description: 'A wish.' } } },
      'no step uses the input wish',
    ],
  ])('is refused for %s', (_, chain, problem) => {
    expect(problemsOf(chain)).toContain(problem);
  });

  test('is refused with all that is wrong with it at once', () => {
    expect(problemsOf(chainOf({ ...packing, inputs: {} })).match(/has no value/g)).toHaveLength(3);
  });

  test('may give one description to an input that its steps describe differently', () => {
    const steps = [packing, { ...sending, inputs: { ...sending.inputs, level: fromInput('level') } }];
    const chain = { ...chainOf(...steps), inputs: { level: { description: 'How much.' } } };
    const { allInputs } = resolveChain(chain, [pack, send]);
    expect(allInputs.find(({ name }) => name === 'level')).toMatchObject({
      declaration: { description: 'How much.', default: undefined },
      steps: ['pack', 'send'],
    });
  });
});

describe('the action.yml of a chain', () => {
  const gap = { reason: 'nothing is packed', unless: "inputs.to == 'nobody'" };
  const resolved = resolveChain(chainOf(packing, { ...sending, notInDryRun: gap }), [pack, send]);
  const yaml = parse(compositeYaml(resolved)) as Yaml;

  test('hands on what the declarations say', () => {
    expect(yaml.inputs['where']).toEqual({ description: 'Where: "here" or there.', required: true });
    expect(yaml.inputs['level']).toEqual({ description: 'How small.', required: false, default: '6' });
    expect(yaml.outputs['send-sent']).toEqual({
      description: 'How many.',
      value: expression('steps.send.outputs.sent'),
    });
  });

  test('says that a ref without bundles is no release, by what is there, before it touches the workspace', () => {
    const [bring] = yaml.runs.steps;
    const directory = mkdtempSync(join(tmpdir(), 'slipway-ref-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const run = (more: Readonly<Record<string, string>> = {}) =>
      // Without a terminal bash takes itself for started by rshd, and reads start-up files.
      spawnSync('bash', ['--noprofile', '--norc', '-e', '-c', String(bring?.['run'])], {
        encoding: 'utf8',
        env: {
          PATH: process.env['PATH'],
          DRY_RUN: 'false',
          GIVEN_TO: 'somebody',
          GIVEN_SKIP: '',
          GITHUB_ACTION_PATH: join(directory, 'actions/release'),
          GITHUB_WORKSPACE: directory,
          GITHUB_OUTPUT: join(directory, 'output'),
          ...more,
        },
      });
    for (const name of ['release', 'pack/dist', 'send'])
      mkdirSync(join(directory, 'actions', name), { recursive: true });
    for (const name of ['pack', 'send']) writeFileSync(join(directory, 'actions', name, 'action.yml'), '');
    writeFileSync(join(directory, 'actions/pack/dist/index.js'), '');
    const branch = run({ GITHUB_ACTION_REF: 'main', GITHUB_ACTION_REPOSITORY: 'acme/slipway' });
    expect(branch.stderr).toBe('');
    expect(branch.stdout).toBe(
      '::error::This ref, main, has no bundles (there is no actions/send/dist): branches have none. Use a release tag, such as uses: acme/slipway/actions/release@v1\n',
    );
    expect(branch.status).toBe(1);
    expect(run().stdout).toMatch(
      /^::error::This ref has no bundles .* uses: your-org\/slipway\/actions\/release@v1$/m,
    );
    expect(existsSync(join(directory, '.slipway-actions'))).toBe(false);
    mkdirSync(join(directory, 'actions/send/dist'));
    writeFileSync(join(directory, 'actions/send/dist/index.js'), '');
    // The workspace may itself be a mirror, whose state is not the composite's to touch.
    mkdirSync(join(directory, '.slipway'));
    writeFileSync(join(directory, '.slipway/lock.sqlite'), '');
    expect(run().status).toBe(0);
    expect(existsSync(join(directory, '.slipway/lock.sqlite'))).toBe(true);
    expect(existsSync(join(directory, '.slipway-actions/send/dist/index.js'))).toBe(true);
  });

  test('brings the actions, runs them, says what a dry run leaves out, and removes them in any case', () => {
    expect(yaml.runs.using).toBe('composite');
    const [bring, first, second, say, remove, ...more] = yaml.runs.steps;
    expect(more).toEqual([]);
    expect(bring).toMatchObject({
      id: 'slipway',
      env: {
        DRY_RUN: expression('inputs.dry-run'),
        GIVEN_TO: expression('inputs.to'),
        GIVEN_SKIP: expression('inputs.skip'),
      },
    });
    expect(bring?.['run']).toContain('for action in pack send; do');
    expect(first).toMatchObject({
      id: 'pack',
      uses: './.slipway-actions/pack',
      with: { where: expression('inputs.where') },
    });
    expect(first?.['if']).toBeUndefined();
    expect(second).toMatchObject({
      id: 'send',
      if: "steps.slipway.outputs.run-send == 'true' && (steps.slipway.outputs.dry-run != 'true' || inputs.to == 'nobody')",
      with: { list: expression('steps.pack.outputs.list'), level: '5' },
    });
    expect(say).toMatchObject({
      if: "steps.slipway.outputs.dry-run == 'true' && steps.slipway.outputs.run-send == 'true' && !(inputs.to == 'nobody')",
      run: "echo 'Dry run: send did not run, because nothing is packed.'\n",
    });
    expect(remove).toMatchObject({ if: 'always()', run: 'rm -rf -- "$GITHUB_WORKSPACE/.slipway-actions"' });
  });

  test('has no expression in a script: what users give never becomes code', () => {
    for (const step of yaml.runs.steps) expect(String(step['run'])).not.toMatch(/\$\{\{/);
  });

  test('has a README with its tables, which stays the same when it is written again', () => {
    const written = compositeReadme('', resolved);
    expect(written).toContain(`| \`list\` | \`${expression('steps.pack.outputs.list')}\` |`);
    expect(written).toContain('| `to` | To whom. (text) |  | `send` |');
    expect(compositeReadme(written, resolved)).toBe(written);
  });
});
