import { awsInputs } from '@slipway/aws-actions';
import {
  commonInputs,
  type InputDeclaration,
  type InputsOf,
  input,
  itemsOf,
  parseEachLine,
} from '@slipway/runner';
import { parseStoreUrl, parseWritableStoreUrl } from '@slipway/store';

const maxKeep = 1_000_000;

export const inputs = {
  operation: input.choice({
    description: '`build` writes the pages that are missing or have changed; `list` shows what they list.',
    choices: ['build', 'list'],
    default: 'build',
  }),
  config: input.path({
    description:
      'A configuration in YAML or JSON, for several prefixes. Options of prefixes are then in it, not in inputs; `source` and `destinations` may be in either.',
  }),
  source: {
    ...input.text({ description: 'Where the files are: `s3://bucket/prefix` or `file:///directory`.' }),
    kind: 'URL',
    parse: parseSourceUrl,
  },
  destinations: {
    ...input.lines({
      description: 'Where the pages go, one URL per line. Beside the files when not given.',
    }),
    parse: (text: string): readonly string[] => parseEachLine(text, parseWritableStoreUrl),
  },
  prefixes: input.lines({
    description:
      'Directories below the source that are an index each, one per line, such as `whl/nightly`. The whole source when not given.',
  }),
  subdirectories: input.lines({
    description:
      'Directories below each prefix that have pages of their own, one per line: `cu[0-9]*` if there are files, `cu130` even while there are none.',
  }),
  extensions: itemsInput('How names of files end, such as `whl, tar.gz`. Defaults to `whl, tar.gz, zip`.'),
  'allow-list': {
    ...input.lines({
      description:
        'The only projects that pages show, one name per line or separated by commas; or `file:PATH`, a file with one name per line.',
    }),
    parse: itemsOf,
  },
  keep: {
    ...input.text({
      description:
        'How many versions of each project are shown, the most recent by PEP 440. `2.9.0+cu118` and `2.9.0` count as one.',
    }),
    kind: 'integer',
    absent: undefined,
    check: undefined,
    parse: parseKeep,
  } satisfies InputDeclaration<number | undefined>,
  exclude: input.lines({
    description: 'Globs for files that are left out, from the prefix on, one per line.',
  }),
  'base-url': {
    ...input.text({
      description:
        'The URL at which the source is served, if links should begin with it. Links are relative otherwise.',
    }),
    kind: 'URL',
  },
  'cache-control': input.text({ description: '`Cache-Control` of every page. Defaults to `no-cache`.' }),
  hashes: choiceOrNothing(
    'Whether links have the SHA-256 of their file. `required`: the run fails for files without one. `all-or-none`: only those of versions whose files all have one. Defaults to `available`.',
    ['required', 'available', 'all-or-none', 'omit'],
  ),
  links: choiceOrNothing('`absolute` links begin with `base-url`, or with `/`. Defaults to `relative`.', [
    'relative',
    'absolute',
  ]),
  layout: choiceOrNothing(
    '`index-files`: `torch/index.html` and `torch/index.json`. `slash-keys`: an object named `torch/`, which a bare bucket serves. Defaults to `index-files`.',
    ['index-files', 'slash-keys', 'both'],
  ),
  formats: itemsInput('`html`, `json` or both. Defaults to both; an object of `slash-keys` is then JSON.'),
  'compute-missing': input.boolean({
    description: 'Read files whose SHA-256 the store does not know, once, and remember it.',
    default: 'false',
  }),
  'extract-metadata': input.boolean({
    description:
      'Take METADATA out of wheels that have none beside them, and store it there as `WHEEL.metadata`, so that clients resolve without the wheel.',
    default: 'false',
  }),
  'changed-keys': input.lines({
    description:
      'Keys below the source that were stored or deleted, one per line. Only their projects are looked at, without a listing where that is enough.',
  }),
  'changed-keys-file': input.path({
    description: 'A file with such keys, as the output `changed-keys` of `s3-publish`.',
  }),
  ...commonInputs,
  ...awsInputs,
};

export type Inputs = InputsOf<typeof inputs>;

function parseSourceUrl(text: string): string {
  if (parseStoreUrl(text).kind !== 'https') return text;
  throw new Error('it cannot be listed: use the store behind it, s3://bucket/prefix or file:///directory');
}

function parseKeep(text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= maxKeep) return value;
  throw new Error(`must be a whole number from 1 to ${maxKeep.toLocaleString('en-US')}`);
}

function itemsInput(description: string): InputDeclaration<readonly string[]> {
  return { ...input.lines({ description }), parse: itemsOf };
}

/** A choice without a default, so that one in a configuration is not contradicted. */
function choiceOrNothing<const Choice extends string>(
  description: string,
  choices: readonly Choice[],
): InputDeclaration<Choice | undefined> {
  return {
    ...input.text({ description }),
    kind: 'choice',
    choices,
    check: undefined,
    absent: undefined,
    parse: (text) => {
      const match = choices.find((choice) => choice === text.toLowerCase());
      if (match === undefined) throw new Error(`must be one of ${choices.join(', ')}`);
      return match;
    },
  };
}
