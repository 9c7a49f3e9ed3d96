import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { failureOf, runAction, temporaryDirectory } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { action } from '../src/action.ts';

const directory = temporaryDirectory('bad-input');
const source = pathToFileURL(directory).href;
writeFileSync(join(directory, 'bad.yml'), 'format: 2\nprefixes: []\nother: 1\n');
writeFileSync(join(directory, 'broken.yml'), 'format: [1\n');
writeFileSync(join(directory, 'good.yml'), 'format: 1\nprefixes: [{ prefix: whl }]\n');
writeFileSync(
  join(directory, 'listed.yml'),
  `format: 1\nsource: { url: "https://example.org/x" }\nprefixes: [{ prefix: whl }]\n`,
);
writeFileSync(
  join(directory, 'external.yml'),
  'format: 1\nprefixes: [{ prefix: whl }]\nexternal: [{ names: [numpy] }]\n',
);
writeFileSync(join(directory, 'names.txt'), 'torch\nnot a name\n');
writeFileSync(join(directory, 'latin.yml'), Buffer.from([0x66, 0xfc]));
mkdirSync(join(directory, 'folder'));

const problemOf = async (inputs: Readonly<Record<string, string>>): Promise<string> =>
  (await failureOf(runAction(action, inputs, { workDirectory: directory }))).message;

test.each<readonly [Readonly<Record<string, string>>, string]>([
  [{}, 'source is not given'],
  [{ source: 'https://example.org/whl' }, 'it cannot be listed'],
  [{ source, destinations: 'https://example.org/whl' }, 'it is read-only'],
  [{ source, operation: 'destroy' }, 'must be one of build, list'],
  [{ source, keep: '0' }, 'must be a whole number from 1 to 1,000,000'],
  [{ source, hashes: 'some' }, 'must be one of required, available, all-or-none, omit'],
  [{ source, layout: 'slash-keys' }, 'layout must be index-files for a directory'],
  [{ source, formats: 'html, xml' }, 'formats[1] must be'],
  [{ source, prefixes: '/whl' }, 'prefixes[0] must be a directory such as "whl/nightly"'],
  [{ source, prefixes: 'whl\nwhl' }, 'has its pages in the directory of prefixes[0]'],
  [{ source, prefixes: '.slipway/x' }, 'where Slipway keeps its own documents'],
  [{ source, exclude: '!x' }, 'exclude[0] is not a glob'],
  [{ source, subdirectories: '../x' }, 'subdirectories[0] cannot be a directory'],
  [{ source, 'base-url': 'ftp://example.org' }, 'base-url must be a URL'],
  [{ source, 'allow-list': 'torch, not a name' }, 'allow-list[1] must be the name of a project'],
  [{ source, 'allow-list': 'file:missing.txt' }, 'allow-list.file cannot be read: "missing.txt"'],
  [{ source, 'allow-list': 'file:names.txt' }, 'must have one project name a line: see line 2'],
  [{ source, 'cache-control': 'a  b' }, 'cache-control must be a Cache-Control header'],
  [{ source, config: 'missing.yml' }, 'config: missing.yml cannot be read (ENOENT)'],
  [{ source, config: 'folder' }, 'config: folder is not a file'],
  [{ source, config: 'latin.yml' }, 'config: latin.yml is not in UTF-8'],
  [{ source, config: 'broken.yml' }, 'broken.yml: '],
  [{ source, config: 'bad.yml' }, 'bad.yml: format must be 1'],
  [{ source, config: 'external.yml' }, 'external is set, but this action does not read other indexes yet'],
  [{ config: 'good.yml' }, 'source is not given: set it as an input, or in the configuration'],
  [{ config: 'listed.yml' }, 'source is "https://example.org/x", which cannot be listed or written to'],
  [{ source, config: 'good.yml', keep: '3', prefixes: 'whl' }, 'config is given, and so are prefixes, keep'],
  [{ source, 'changed-keys-file': 'missing.txt' }, 'changed-keys-file: missing.txt cannot be read (ENOENT)'],
  [{ source: 's3://bucket/whl' }, 'aws-region is not given'],
  [{ source, 'secret-access-key': 'x' }, 'secret-access-key is given without access-key-id'],
])('refuses %j', async (inputs, problem) => {
  expect(await problemOf(inputs)).toContain(problem);
});

test('reports all problems at once, those of a configuration as well', async () => {
  const message = await problemOf({
    source,
    config: 'bad.yml',
    keep: '3',
    'changed-keys-file': 'missing.txt',
  });
  for (const problem of [
    'format must be 1',
    'prefixes',
    'other',
    'config is given, and so is keep',
    'missing.txt',
  ])
    expect(message).toContain(problem);
});

test('a source that is not there is an error, not an empty index', async () => {
  const missing = pathToFileURL(join(directory, 'missing')).href;
  expect(await problemOf({ source: missing })).toContain('missing');
});
