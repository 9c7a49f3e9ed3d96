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
    'Event types that are accepted, one a line or with commas between them. All when not given.',
    parseEventTypes,
  ),
  senders: listInput(
    'Who may send: logins, or better their numbers, one a line or with commas between them. Everybody who can when not given; the signature is the proof.',
    parseSenders,
  ),
  sources: listInput(
    'Repositories that messages may say to come from, `owner/repository`, one a line or with commas between them. All when not given.',
    parseSources,
  ),
  repository: {
    ...input.text({
      description:
        'The receiving repository, `owner/repository`, for which a message must be. `GITHUB_REPOSITORY` when not given; required outside of GitHub.',
    }),
    form: 'line' as const,
    parse: parseRepository,
  },
  'run-reference': {
    ...input.text({
      description:
        'Which run takes the message: with `seen`, the same reference may take it again. The URL of the run when not given; outside of GitHub each run is another one.',
    }),
    form: 'line' as const,
    parse: parseRunReference,
  },
  'payload-file': {
    ...input.path({
      description:
        'A file with a `client_payload`, for runs by hand. Without it the event of the run is read, which must be `repository_dispatch`.',
    }),
    check: async (path: string, { workDirectory }: InputSurroundings): Promise<void> =>
      void (await readEventFile(path, workDirectory)),
  },
  'signing-secret': {
    ...input.secret({ description: 'The secret that the sender signs with, 32 characters or more.' }),
    parse: checkHmacSecret,
  },
  'previous-signing-secret': {
    ...input.secret({ description: 'The secret before it, accepted as well while it is being replaced.' }),
    parse: checkHmacSecret,
  },
  'trusted-keys': {
    ...input.block({
      description: 'Whose OpenPGP signatures count: armored public keys, one after the other.',
    }),
    check: checkTrustedKeys,
  },
  'allow-unsigned': input.boolean({
    description: 'Accept messages without a signature. A signature that is there must be good all the same.',
    default: 'false',
  }),
  'max-age': input.duration({
    description: 'How old a message may be, whatever it says of its expiry.',
    default: '24h',
  }),
  'clock-tolerance': input.duration({
    description: "How far the sender's clock and this machine's may be apart.",
    default: '1h',
  }),
  seen: {
    ...input.text({
      description:
        'URL of a store that remembers ids, `s3://bucket/prefix` or `file:///directory`: a message is accepted by one run only. Without it a message can be replayed until it is too old.',
    }),
    kind: 'URL',
    form: 'line' as const,
    parse: parseWritableStoreUrl,
  },
  remember: input.duration({
    description:
      'How long an id is remembered at least. A workflow can be run again for 30 days, and sends the same id then.',
    default: '30d',
  }),
  again: input.boolean({
    description:
      'Take a message of `payload-file` although another run has taken it: for somebody who wants it done again. Never without `payload-file`.',
    default: 'false',
  }),
  schema: {
    ...input.path({
      description:
        'A JSON Schema (draft 2020-12) that the whole `client_payload` must fit, `slipway` in it included. No `$ref` leaves the file.',
    }),
    check: checkSchemaFile,
  },
  fields: listInput(
    'What the output `fields` has, one a line: `name`, or `name=path.in.the.payload`. Each must be there, and be a line of text, a number or a boolean.',
    (text) => parseFieldRequests(text, false),
  ),
  'multiline-fields': listInput('The same for texts that may have more than one line.', (text) =>
    parseFieldRequests(text, true),
  ),
  'fetch-to': input.path({
    description:
      'A directory into which the artifacts are fetched from their URLs; each must have the size and SHA-256 that the message says.',
  }),
  'artifact-hosts': listInput(
    'Hosts that artifacts may be fetched from, one a line or with commas between them, with a port where it is not the usual one. Required with `fetch-to`.',
    parseHosts,
  ),
  ...awsInputs,
  ...commonInputs,
  'dry-run': {
    ...commonInputs['dry-run'],
    description: 'Check the message, but remember and fetch nothing.',
  },
};

export type Inputs = InputsOf<typeof inputs>;
