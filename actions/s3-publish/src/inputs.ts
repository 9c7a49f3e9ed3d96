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
      'A directory, or paths and globs, one per line, relative to the workspace; a leading `!` excludes. Keys are relative to the directory, or to the deepest one that all lines share before their first special character.',
  }),
  required: true,
};

const encryption: InputDeclaration<Encryption | undefined> = {
  ...input.text({
    description:
      '`AES256`, `aws:kms` with the bucket’s key, or `aws:kms:` followed by the ID or ARN of a key. `none` uses the default of the bucket.',
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
    'Globs for keys that are neither published nor, with `delete: extraneous`, deleted. A glob that matches a directory excludes everything in it.',
  ),
  destination: {
    ...input.requiredUrl({
      description: 'Where the files go: `s3://bucket/prefix` or `file:///directory`.',
    }),
    parse: parseWritableStoreUrl,
  },
  delete: input.choice({
    description:
      '`extraneous` deletes, at the end, objects below the destination that match no file and are not excluded.',
    choices: ['none', 'extraneous'],
    default: 'none',
  }),
  'allow-root-delete': input.boolean({
    description: 'Let `delete: extraneous` work on a whole bucket if `destination` has no prefix.',
    default: 'false',
  }),
  'cache-control': rulesInput(
    '`Cache-Control` by glob, one `GLOB: value` per line. The last matching line applies.',
    parseHeaderValue,
  ),
  'content-type': rulesInput(
    'Content types by glob, one `GLOB: value` per line. The last matching line applies; otherwise the extension decides.',
    parseContentType,
  ),
  'content-encoding': rulesInput(
    '`Content-Encoding` by glob, for files that are already compressed, one `GLOB: value` per line: `*.js.gz: gzip`, `*.br: br`. One of `gzip`, `br`, `zstd`, `deflate`, or `identity` for none. The last matching line applies; otherwise only `.svgz` files have one, `gzip`.',
    parseContentEncoding,
  ),
  metadata: rulesInput(
    'Metadata by glob, one `GLOB: name=value` per line. All matching lines apply; for the same name, the last.',
    parseMetadata,
  ),
  immutable: globsInput(
    'Globs for keys whose objects never change: publishing the same bytes succeeds; different bytes fail the run before anything is written.',
  ),
  pointers: globsInput(
    'Globs for keys, such as `index.html` or `latest.json`, that are stored after everything else is stored and checked, and only if they have not changed since the start of the run.',
  ),
  acl: choiceOrNothing(
    'Canned ACL of the stored objects. None by default, because most buckets have ACLs disabled.',
    /^[a-z][a-z-]{2,40}$/,
    'must be a canned ACL, such as bucket-owner-full-control',
  ),
  'storage-class': choiceOrNothing(
    'Storage class of the stored objects, such as `STANDARD_IA`. Defaults to that of the bucket.',
    /^[A-Z][A-Z0-9_]{2,40}$/,
    'must be a storage class, such as STANDARD_IA',
  ),
  encryption,
  'part-size': sizeOrNothing(
    'Files larger than this are sent in parts of this size, 5MiB to 5GiB. Defaults to 16MiB, or more if the largest files need it.',
  ),
  concurrency: input.integer({
    description: 'How many objects are stored at the same time.',
    default: '32',
    minimum: 1,
    maximum: 256,
  }),
  verify: input.choice({
    description:
      'How to check that objects are stored before pointers are written: `head` asks the store for their metadata, `get` reads them back and hashes them, `none` trusts the checksum sent with each upload.',
    choices: ['head', 'get', 'none'],
    default: 'head',
  }),
  'base-url': {
    ...input.text({
      description:
        'The URL at which the destination is served, for the URLs in `manifest` and for `invalidation-paths`.',
    }),
    // The website endpoints of S3 do not support TLS.
    parse: (text: string): string => parseBaseUrl(text, { allowHttp: true }),
  },
  manifest: input.path({
    description:
      'Where to write the manifest: JSON with the key, size, SHA-256, ETag and URL of each object. A temporary file when not given.',
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
