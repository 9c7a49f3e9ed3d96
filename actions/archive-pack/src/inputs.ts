import { parseArchiveName, parseArchiveSpecs } from '@slipway/archive';
import { parseSizeBytes } from '@slipway/core';
import { commonInputs, type InputsOf, input, linesInput } from '@slipway/runner';
import { parseField, parseGlobs, parsePlatform, rulesInput } from './rules.ts';

const archives = input.lines({
  description:
    'The zips and their files, one zip a line: `macos.zip: dist/app-intel dist/app-arm`. Paths, directories and globs, `path=name` to rename, `!glob` to leave out, quotes around names with blanks.',
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
      description: 'The name of one more zip, which has the files of all the others together.',
    }),
    parse: parseArchiveName,
  },
  'universal-layout': input.choice({
    description:
      'How the files lie in the universal zip: `flat` as in their own zips, or `by-archive` in a directory for each zip.',
    choices: ['flat', 'by-archive'],
    default: 'flat',
  }),
  platforms: rulesInput(
    'What each zip is for, as lines `macos.zip: macos`; handed on in the list of artifacts.',
    parsePlatform,
  ),
  'source-directory': input.path({
    description: 'Where paths in `archives` start. The workspace without it.',
  }),
  'output-directory': {
    ...input.requiredPath({ description: 'The directory that gets the zips.' }),
    required: false,
    default: 'archives',
    absent: 'archives',
  },
  'top-directory': input.boolean({
    description: 'Put everything in a zip into one directory that is named as the zip is.',
    default: 'false',
  }),
  'readme-template': input.path({
    description: 'A text file that each zip gets, with `{{name}}` for the fields of `fields`.',
  }),
  'readme-name': input.text({ description: 'The name of that file in the zips.', default: 'README.txt' }),
  fields: linesInput(
    'list',
    'Fields for the template, one `name=value` a line. `archive`, `files` and `platform` (`all` where a zip has none) are there by themselves.',
    parseField,
  ),
  executable: rulesInput(
    'Entries that get the executable bit in any case, as globs; for files that lost it on their way, as they do in artifacts of a workflow. `archive.zip: globs` for one zip.',
    parseGlobs,
  ),
  'required-entries': rulesInput(
    'Globs that must each match an entry, of every zip, or as `archive.zip: globs` of one.',
    parseGlobs,
  ),
  'minimum-size': rulesInput(
    'The least that a zip may have, such as `10MiB` for all or `macos.zip: 40MiB` for one.',
    parseSizeBytes,
  ),
  'maximum-size': rulesInput('The most that a zip may have, written in the same way.', parseSizeBytes),
  'compression-level': input.integer({
    description: 'From 1, fast, to 9, small. 0 stores everything as it is.',
    default: '6',
    minimum: 0,
    maximum: 9,
  }),
  'portable-names': input.choice({
    description:
      'Whether names that Windows cannot unpack are refused: `always`, `never`, or `auto`: not in zips whose platform is another.',
    choices: ['auto', 'always', 'never'],
    default: 'auto',
  }),
  ...commonInputs,
};

export type Inputs = InputsOf<typeof inputs>;
