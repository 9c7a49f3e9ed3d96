import { type InputsOf, input } from '@slipway/runner';

export const inputs = {
  directory: input.requiredPath({ description: 'The directory whose files are listed.' }),
  suffix: input.text({ description: 'Only files whose names end with this, such as `.tar.gz`.' }),
  'dry-run': input.boolean({
    description: 'Tell which files would be measured, and stop.',
    default: 'false',
  }),
  report: input.path({ description: 'Where the JSON report goes. A temporary file without it.' }),
};

export type Inputs = InputsOf<typeof inputs>;
