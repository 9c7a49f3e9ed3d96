import { awsInputs } from '@slipway/aws-actions';
import { parseBaseUrl, parseSizeBytes } from '@slipway/core';
import { commonInputs, type InputDeclaration, type InputsOf, input } from '@slipway/runner';
import { parseWritableStoreUrl } from '@slipway/store';
import {
  globsInput,
  parseContentEncoding,
  parseContentType,
  parseHeaderValue,
  parseMetadata,
  rulesInput,
} from './rules.ts';
import { sourceLinesProblem } from './selection.ts';

const minPartBytes = 5 * 2 ** 20;
const maxPartBytes = 5 * 2 ** 30;

export interface Encryption {
  readonly algorithm: 'AES256' | 'aws:kms' | 'aws:kms:dsse';
  readonly kmsKeyId?: string | undefined;
}

const source: InputDeclaration<readonly string[]> = {
  ...input.lines({
    description:
      'A directory, or paths and globs, one a line, relative to the workspace; a line with a leading `!` excludes. Keys begin at the directory, or at the deepest one that all lines share before their first special character.',
  }),
  required: true,
};

const encryption: InputDeclaration<Encryption | undefined> = {
  ...input.text({
    description:
      '`none` leaves it to the bucket. `AES256`, or `aws:kms` with the bucket’s key, or `aws:kms:` and a key’s ID or ARN.',
    default: 'none',
  }),
  check: undefined,
  absent: undefined,
  parse: parseEncryption,
};

export const inputs = {
  source: {
    ...source,
    parse: (text: string): readonly string[] => {
      const lines = source.parse(text);
      const problem = sourceLinesProblem(lines);
      if (problem !== undefined) throw new Error(problem);
      return lines;
    },
  },
  exclude: globsInput(
    'Globs for keys that are neither published nor, with `delete: extraneous`, deleted. A glob that matches a directory excludes all below.',
  ),
  destination: {
    ...input.requiredUrl({
      description: 'Where the files go: `s3://bucket/prefix` or `file:///directory`.',
    }),
    parse: parseWritableStoreUrl,
  },
  delete: input.choice({
    description:
      '`extraneous` deletes, at the end, objects below the destination that have no file and are not excluded.',
    choices: ['none', 'extraneous'],
    default: 'none',
  }),
  'allow-root-delete': input.boolean({
    description: 'Let `delete: extraneous` work on a whole bucket, where `destination` has no prefix.',
    default: 'false',
  }),
  'cache-control': rulesInput(
    '`Cache-Control` by glob, as lines `GLOB: value`. The last line that matches counts.',
    parseHeaderValue,
  ),
  'content-type': rulesInput(
    'Content types by glob, as lines `GLOB: value`. The last line that matches counts; without one the extension decides.',
    parseContentType,
  ),
  'content-encoding': rulesInput(
    '`Content-Encoding` by glob, for files that are compressed already, as lines `GLOB: value`: `*.js.gz: gzip`, `*.br: br`. One of `gzip`, `br`, `zstd`, `deflate`, and `identity` for none. The last line that matches counts; without one only `.svgz` has one, `gzip`.',
    parseContentEncoding,
  ),
  metadata: rulesInput(
    'Metadata by glob, as lines `GLOB: name=value`. All lines that match count, for one name the last.',
    parseMetadata,
  ),
  immutable: globsInput(
    'Globs for keys whose objects never change: the same bytes are a success, other bytes fail the run before anything is written.',
  ),
  pointers: globsInput(
    'Globs for keys, such as `index.html` or `latest.json`, that are stored after everything else is stored and checked, and only if they are still what was seen at the start.',
  ),
  acl: choiceOrNothing(
    'Canned ACL of the stored objects. None by default: most buckets have ACLs switched off.',
    /^[a-z][a-z-]{2,40}$/,
    'must be a canned ACL, such as bucket-owner-full-control',
  ),
  'storage-class': choiceOrNothing(
    'Storage class of the stored objects, such as `STANDARD_IA`. The default of the bucket when not given.',
    /^[A-Z][A-Z0-9_]{2,40}$/,
    'must be a storage class, such as STANDARD_IA',
  ),
  encryption,
  'part-size': sizeOrNothing(
    'Files larger than this are sent in parts of this size, 5MiB to 5GiB. 16MiB when not given, or what the largest files need.',
  ),
  concurrency: input.integer({
    description: 'How many objects are stored at the same time.',
    default: '32',
    minimum: 1,
    maximum: 256,
  }),
  verify: input.choice({
    description:
      'How it is checked that an object is stored, before pointers are: `head` asks the store what it has, by listing many objects or one by one, `get` reads it back and hashes it, `none` trusts the checksum that is sent with it.',
    choices: ['head', 'get', 'none'],
    default: 'head',
  }),
  'base-url': {
    ...input.text({
      description:
        'The URL under which the destination is served, for the URLs in `manifest` and for `invalidation-paths`.',
    }),
    // The website endpoints of S3 know no TLS.
    parse: (text: string): string => parseBaseUrl(text, { allowHttp: true }),
  },
  manifest: input.path({
    description:
      'Where to write the manifest: JSON with key, size, SHA-256, ETag and URL of each object. A temporary file without it.',
  }),
  ...commonInputs,
  ...awsInputs,
};

export type Inputs = InputsOf<typeof inputs>;

function choiceOrNothing(
  description: string,
  form: RegExp,
  otherwise: string,
): InputDeclaration<string | undefined> {
  return {
    ...input.text({ description }),
    parse: (text) => {
      if (!form.test(text)) throw new Error(otherwise);
      return text;
    },
  };
}

function parseEncryption(text: string): Encryption | undefined {
  if (text === 'none') return undefined;
  if (text === 'AES256') return { algorithm: 'AES256' };
  const kms = /^(aws:kms(?::dsse)?)(?::([\w:/-]{1,2048}))?$/.exec(text);
  if (kms === null) throw new Error('must be none, AES256, aws:kms or aws:kms:KEY');
  return { algorithm: kms[1] === 'aws:kms' ? 'aws:kms' : 'aws:kms:dsse', kmsKeyId: kms[2] };
}

function sizeOrNothing(description: string): InputDeclaration<number | undefined> {
  return {
    ...input.text({ description }),
    kind: 'size',
    check: undefined,
    absent: undefined,
    parse: (text) => {
      const sizeBytes = parseSizeBytes(text);
      if (sizeBytes < minPartBytes || sizeBytes > maxPartBytes)
        throw new Error('it is not between 5MiB and 5GiB');
      return sizeBytes;
    },
  };
}
