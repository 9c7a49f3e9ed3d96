import { parseArchiveName, parseArchiveSpecs } from '@slipway/archive';
import { parseSizeBytes } from '@slipway/core';
import { commonInputs, type InputsOf, input, linesInput } from '@slipway/runner';
import { parseField, parseGlobs, parsePlatform, rulesInput } from './rules.ts';

const archives = input.lines({
  description:
    'The zips and their files, one zip per line: `macos.zip: dist/app-intel dist/app-arm`. Files are paths, directories and globs; `path=name` renames, `!glob` excludes, and names with spaces are quoted.',
});

export const inputs = {
  archives: {
    ...archives,
    required: true,
    parse: (text: string) => parseArchiveSpecs(archives.parse(text)),
    absent: [],
    check: undefined,
  },
  universal: {
    ...input.text({
      description: 'The name of an additional zip that contains the files of all the others.',
    }),
    parse: parseArchiveName,
  },
  'universal-layout': input.choice({
    description:
      'The layout of the universal zip: `flat`, as in the other zips, or `by-archive`, with a directory for each zip.',
    choices: ['flat', 'by-archive'],
    default: 'flat',
  }),
  platforms: rulesInput(
    'The platform of each zip, one per line: `macos.zip: macos`. Passed on in the list of artifacts.',
    parsePlatform,
  ),
  'source-directory': input.path({
    description: 'The directory that paths in `archives` are relative to. Defaults to the workspace.',
  }),
  'output-directory': {
    ...input.requiredPath({ description: 'The directory to write the zips to.' }),
    required: false,
    default: 'archives',
    absent: 'archives',
  },
  'top-directory': input.boolean({
    description: 'Put the contents of each zip into one directory named after the zip.',
    default: 'false',
  }),
  'readme-template': input.path({
    description: 'A text file to add to each zip, with `{{name}}` for each of `fields`.',
  }),
  'readme-name': input.text({ description: 'The name of that file in the zips.', default: 'README.txt' }),
  fields: linesInput(
    'list',
    'Fields for the template, one `name=value` per line. `archive`, `files` and `platform` (`all` for a zip without one) are always available.',
    parseField,
  ),
  executable: rulesInput(
    'Globs for entries that are always made executable, such as files that lost the executable bit in workflow artifacts. `archive.zip: globs` applies to one zip.',
    parseGlobs,
  ),
  'required-entries': rulesInput(
    'Globs that must each match an entry: of every zip, or, with `archive.zip: globs`, of one.',
    parseGlobs,
  ),
  'minimum-size': rulesInput(
    'The smallest size allowed for a zip, such as `10MiB` for all or `macos.zip: 40MiB` for one.',
    parseSizeBytes,
  ),
  'maximum-size': rulesInput('The largest size allowed for a zip, in the same form.', parseSizeBytes),
  'compression-level': input.integer({
    description: 'From 1 (fastest) to 9 (smallest); 0 stores files uncompressed.',
    default: '6',
    minimum: 0,
    maximum: 9,
  }),
  'portable-names': input.choice({
    description:
      'Whether to refuse names that Windows cannot unpack: `always`, `never`, or `auto`, which allows them in zips for another platform.',
    choices: ['auto', 'always', 'never'],
    default: 'auto',
  }),
  ...commonInputs,
};

export type Inputs = InputsOf<typeof inputs>;
