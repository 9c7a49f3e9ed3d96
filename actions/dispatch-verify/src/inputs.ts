import { awsInputs } from '@slipway/aws-actions';
import { checkHmacSecret, parseRepository } from '@slipway/dispatch-payload';
import { commonInputs, type InputSurroundings, type InputsOf, input, listInput } from '@slipway/runner';
import { parseWritableStoreUrl } from '@slipway/store/local';
import { checkSchemaFile, readEventFile } from './files.ts';
import {
  checkTrustedKeys,
  parseEventTypes,
  parseFieldRequests,
  parseHosts,
  parseRunReference,
  parseSenders,
  parseSources,
} from './parsers.ts';

export const inputs = {
  'event-types': listInput(
    'Event types to accept, separated by line breaks or commas. All when not given.',
    parseEventTypes,
  ),
  senders: listInput(
    'Who may send: logins or, better, user IDs, separated by line breaks or commas. When not given, any sender, because the signature is the proof.',
    parseSenders,
  ),
  sources: listInput(
    'Repositories that messages may come from, by their own statement: `owner/repository`, separated by line breaks or commas. All when not given.',
    parseSources,
  ),
  repository: {
    ...input.text({
      description:
        'The receiving repository, `owner/repository`, which the message must name. `GITHUB_REPOSITORY` when not given; required outside of GitHub.',
    }),
    form: 'line' as const,
    parse: parseRepository,
  },
  'run-reference': {
    ...input.text({
      description:
        'Identifies the run that claims the message: with `seen`, only the same reference may claim it again. The URL of the run when not given; outside of GitHub, every run is a different one.',
    }),
    form: 'line' as const,
    parse: parseRunReference,
  },
  'payload-file': {
    ...input.path({
      description:
        'A file with a `client_payload`, for manual runs. When not given, the event of the run is read, which must be `repository_dispatch`.',
    }),
    check: async (path: string, { workDirectory }: InputSurroundings): Promise<void> =>
      void (await readEventFile(path, workDirectory)),
  },
  'signing-secret': {
    ...input.secret({ description: 'The secret that the sender signs with, at least 32 characters.' }),
    parse: checkHmacSecret,
  },
  'previous-signing-secret': {
    ...input.secret({ description: 'The previous secret, also accepted while it is being replaced.' }),
    parse: checkHmacSecret,
  },
  'trusted-keys': {
    ...input.block({
      description: 'The armored public keys whose OpenPGP signatures count, one after the other.',
    }),
    check: checkTrustedKeys,
  },
  'allow-unsigned': input.boolean({
    description: 'Accept messages without a signature. A signature that is present must still be good.',
    default: 'false',
  }),
  'max-age': input.duration({
    description: 'The maximum age of a message, whatever expiry it states.',
    default: '24h',
  }),
  'clock-tolerance': input.duration({
    description: 'How far the clocks of the sender and this machine may differ.',
    default: '1h',
  }),
  seen: {
    ...input.text({
      description:
        'URL of a store that remembers ids, `s3://bucket/prefix` or `file:///directory`, so that only one run accepts a message. Without it, a message can be replayed until it is too old.',
    }),
    kind: 'URL',
    form: 'line' as const,
    parse: parseWritableStoreUrl,
  },
  remember: input.duration({
    description:
      'The minimum time an id is remembered. A workflow can be run again for 30 days, and then sends the same id.',
    default: '30d',
  }),
  again: input.boolean({
    description:
      'Accept the message in `payload-file` even if another run has claimed it, to process it again on purpose. Only with `payload-file`.',
    default: 'false',
  }),
  schema: {
    ...input.path({
      description:
        'A JSON Schema (draft 2020-12) that the whole `client_payload` must match, including its `slipway`. A `$ref` must stay in the file.',
    }),
    check: checkSchemaFile,
  },
  fields: listInput(
    'The contents of the output `fields`, one per line: `name`, or `name=path.in.the.payload`. Each must exist and be a line of text, a number or a boolean.',
    (text) => parseFieldRequests(text, false),
  ),
  'multiline-fields': listInput('The same for text that may span several lines.', (text) =>
    parseFieldRequests(text, true),
  ),
  'fetch-to': input.path({
    description:
      'A directory to fetch the artifacts into from their URLs; each must have the size and SHA-256 that the message states.',
  }),
  'artifact-hosts': listInput(
    'Hosts that artifacts may be fetched from, separated by line breaks or commas, with a port unless it is the default. Required with `fetch-to`.',
    parseHosts,
  ),
  ...awsInputs,
  ...commonInputs,
  'dry-run': {
    ...commonInputs['dry-run'],
    description: 'Check the message, but record and fetch nothing.',
  },
};

export type Inputs = InputsOf<typeof inputs>;
