import { parseDurationMs } from '@slipway/core';
import {
  checkHmacSecret,
  parseEventType,
  parseLine,
  parseMessageId,
  parseRepository,
} from '@slipway/dispatch-payload';
import { parseApiUrl, parseAppKey } from '@slipway/github';
import { readArtifacts } from '@slipway/local-files';
import { commonInputs, type InputDeclaration, type InputsOf, input, signingInputs } from '@slipway/runner';
import { readPayloadFile } from './files.ts';
import { parseCommit, parseFieldLines, parsePayload, parseRef, parseTargets } from './parsers.ts';

const minLifeMs = 60_000;
const maxLifeMs = 30 * 24 * 3_600_000;

export const inputs = {
  targets: {
    ...input.lines({ description: 'The repositories to notify, `owner/repository`, one per line.' }),
    required: true,
    parse: parseTargets,
  },
  'event-type': {
    ...input.requiredText({
      description:
        'The event type, as in `types` under `on: repository_dispatch`: at most 100 characters, spaces allowed.',
    }),
    form: 'line' as const,
    parse: parseEventType,
  },
  payload: {
    ...input.block({
      description:
        'A JSON object with what the receiver needs to know; insert text of a workflow with `toJSON()`. Together with `payload-file` and `fields`, it may have at most nine keys, and `slipway` may not be one of them.',
    }),
    parse: parsePayload,
    absent: {},
    repeatable: false,
  },
  'payload-file': {
    ...input.path({ description: 'A file with another JSON object, whose keys are added to the payload.' }),
    check: async (path: string, { workDirectory }: { readonly workDirectory: string }): Promise<void> =>
      void (await readPayloadFile(path, workDirectory)),
  },
  fields: {
    ...input.lines({ description: 'More keys with text values, one `name=value` per line.' }),
    parse: parseFieldLines,
    absent: {},
  },
  artifacts: {
    ...input.path({
      description:
        'The JSON list of artifacts from an earlier step. Names, sizes, SHA-256, platforms and URLs are sent, never local paths.',
    }),
    check: async (path: string, { workDirectory }: { readonly workDirectory: string }): Promise<void> =>
      void (await readArtifacts(path, workDirectory)),
  },
  'release-version': text('The released version, such as `1.4.0`.', parseLine),
  id: text(
    'Id of the message, by which the receiver recognizes a repeat. Derived from repository, run (on GitHub), event type, target and contents when not given, so that a rerun sends the same message. Another id makes it a new message.',
    parseMessageId,
  ),
  'source-repository': text(
    'The repository that the message comes from, `owner/repository`. `GITHUB_REPOSITORY` when not given; required outside of GitHub.',
    parseRepository,
  ),
  'source-commit': text(
    'The commit that the message is about, 40 or 64 hex digits. `GITHUB_SHA` when not given.',
    parseCommit,
  ),
  'source-ref': text(
    'The ref that the message is about, such as `refs/tags/v1.4.0`. `GITHUB_REF` when not given.',
    parseRef,
  ),
  'expires-in': {
    ...input.duration({ description: 'How long the message stays valid, 1m to 30d.', default: '24h' }),
    parse: (value: string): number => {
      const durationMs = parseDurationMs(value);
      if (durationMs < minLifeMs || durationMs > maxLifeMs) throw new Error('it is not between 1m and 30d');
      return durationMs;
    },
  },
  'signing-secret': {
    ...input.secret({
      description: 'A secret of at least 32 characters that the receiver also has: signs with HMAC-SHA-256.',
    }),
    parse: checkHmacSecret,
  },
  'signing-key': input.secret({
    description: 'An armored OpenPGP private key, or its base64 encoding: signs instead of `signing-secret`.',
  }),
  passphrase: signingInputs.passphrase,
  'trusted-keys': {
    ...signingInputs['trusted-keys'],
    check: async (value: string): Promise<void> => {
      const { parseTrustedKeys } = await import('@slipway/signing');
      await parseTrustedKeys(value);
    },
  },
  'allow-unsigned': input.boolean({
    description: 'Send without a signature, to receivers that do not check one.',
    default: 'false',
  }),
  token: input.token({
    description:
      'A token with `contents: write` on every target, and `actions: read` to look for runs. The `GITHUB_TOKEN` of a job reaches only its own repository.',
  }),
  'app-id': text(
    'App ID or client ID of a GitHub App that is installed on the targets, instead of `token`. Each target gets a token limited to it.',
    (value) => {
      if (!/^[\w.-]{1,64}$/.test(value)) throw new Error('must be an App ID or a client ID');
      return value;
    },
  ),
  'app-private-key': {
    ...input.secret({ description: 'A private key of the GitHub App in PEM, or its base64 encoding.' }),
    parse: (pem: string): string => {
      parseAppKey(pem);
      return pem;
    },
  },
  'api-url': {
    ...text("URL of the REST API. `GITHUB_API_URL`, or GitHub's own, when not given.", parseApiUrl),
    kind: 'URL',
  },
  'messages-directory': input.path({
    description:
      'A directory to save each message in, as sent and signed, as `owner.repository.json`: a receiver can process it by hand with `payload-file`. The messages contain the links of `artifacts`.',
  }),
  'resend-unknown': input.boolean({
    description:
      'Send again if it is unknown whether a dispatch was accepted. Only for receivers that ignore repeats, as `dispatch-verify` with `seen` does.',
    default: 'false',
  }),
  wait: input.boolean({
    description:
      "Wait until the receiver's run ends, and fail unless it succeeds. The receiver's `run-name` must contain the id.",
    default: 'false',
  }),
  'wait-deadline': input.duration({
    description: "How long the receiver's run may take, including the time until it starts.",
    default: '30m',
  }),
  ...commonInputs,
};

export type Inputs = InputsOf<typeof inputs>;

function text(description: string, parse: (text: string) => string): InputDeclaration<string | undefined> {
  return { ...input.text({ description }), form: 'line', parse };
}
