import { awsInputs } from '@slipway/aws-actions';
import { parseBaseUrl } from '@slipway/core';
import { commonInputs, type InputDeclaration, type InputsOf, input } from '@slipway/runner';
import { parseWritableStoreUrl } from '@slipway/store';
import {
  type FileLine,
  parseFileLines,
  parseMaxAge,
  parsePrefix,
  parseSegment,
  parseTolerance,
  parseWindowLength,
} from './parsers.ts';

const files: InputDeclaration<readonly FileLine[]> = {
  ...input.lines({
    description:
      'Files in addition to `artifacts`, one `PLATFORM: path` per line, such as `macos: out/macos.zip`. `window` needs only their names.',
  }),
  check: undefined,
  absent: [],
  parse: parseFileLines,
};

export const inputs = {
  operation: input.choice({
    description:
      '`publish` stores the files under the paths of the current and the next window; `renew` also deletes past windows afterwards, for use on a schedule; `verify` proves that the files are stored and served, and that wrong and expired links do not work; `cleanup` only deletes windows past their grace; `window` prints the current windows and links.',
    choices: ['publish', 'renew', 'verify', 'cleanup', 'window'],
    default: 'publish',
  }),
  scheme: input.choice({
    description:
      'How links are kept secret. `window-hmac`: each file has its own secret path. `window-sha256`: one hash opens all files of a platform, for sites that compute `sha256(SECRET:download-access:WINDOW:PLATFORM)`. `cloudfront-signed`: signed URLs that CloudFront checks.',
    choices: ['window-hmac', 'window-sha256', 'cloudfront-signed'],
    default: 'window-hmac',
  }),
  secret: input.secret({
    description:
      'The secret shared with the site, at least 32 bytes for `window-hmac`; for `cloudfront-signed`, the private key in PEM. Surrounding whitespace is ignored. Not needed for `cleanup`.',
  }),
  'previous-secret': input.secret({
    description:
      'The previous secret, while it is being replaced: files are published under the paths of both, and links use `secret`.',
  }),
  'key-pair-id': input.text({
    description: 'For `cloudfront-signed`: ID of the public key that belongs to `secret`.',
  }),
  'previous-key-pair-id': input.text({
    description: 'For `cloudfront-signed`: ID of the public key that belongs to `previous-secret`.',
  }),
  artifacts: input.path({
    description:
      'JSON list of the files, from the output `artifacts` of another action. Files without a platform get `default-platform`.',
  }),
  files,
  'default-platform': {
    ...input.text({ description: 'Platform of artifacts that do not name one.', default: 'all' }),
    absent: 'all',
    check: undefined,
    parse: parseSegment,
  },
  destination: {
    ...input.text({
      description:
        'Where the files go: `s3://bucket/prefix` or `file:///directory`. Not needed for `window`.',
    }),
    kind: 'URL',
    parse: parseWritableStoreUrl,
  },
  prefix: {
    ...input.text({
      description:
        'The prefix of all keys below `destination`; `/` for no prefix. Always `downloads` for `window-sha256`.',
      default: 'downloads',
    }),
    emptyArgument: '/',
    absent: 'downloads',
    check: undefined,
    parse: parsePrefix,
  },
  'base-url': {
    ...input.text({
      description:
        'URL at which the CDN serves `destination`, for links. Required by `verify` and `cloudfront-signed`.',
    }),
    kind: 'URL',
    parse: parseBaseUrl,
  },
  'origin-path': {
    ...input.text({
      description:
        'The path in `destination` that the CDN serves as its root: the beginning of `prefix` that links leave out.',
    }),
    absent: '',
    check: undefined,
    parse: parsePrefix,
  },
  'window-length': {
    ...input.duration({
      description: 'Length of a window. Always 12h for `window-sha256`.',
      default: '12h',
    }),
    parse: parseWindowLength,
  },
  windows: input.integer({
    description: 'How many windows to publish, counting the current one and those after it.',
    default: '2',
    minimum: 1,
    maximum: 60,
  }),
  'clock-tolerance': {
    ...input.duration({
      description:
        'How far clocks may be off, 10s to 24h. Every window that is current for a clock within this skew is published; if clocks differ by more, the run fails.',
      default: '1h',
    }),
    parse: parseTolerance,
  },
  grace: input.duration({
    description:
      'How long a link keeps working after its window. Caches and signed URLs expire then; `renew` and `cleanup` delete the files afterwards. By default, a link works for 48h from the beginning of its 12h window.',
    default: '36h',
  }),
  'max-age': {
    ...input.duration({
      description:
        'How long caches may serve a copy without revalidating, up to 1h. Replaced or deleted files are served no longer than this.',
      default: '1m',
    }),
    parse: parseMaxAge,
  },
  'max-idle': input.duration({
    description:
      '`renew` and `cleanup` delete nothing if, by their clocks, nothing was published for longer than this: the clock is probably wrong.',
    default: '30d',
  }),
  'delete-last': input.boolean({
    description:
      'Let `cleanup` delete past windows even if nothing is stored for the current window, which leaves nothing to download.',
    default: 'false',
  }),
  replace: input.boolean({
    description: 'Let `publish` and `renew` replace files of the same name whose content differs.',
    default: 'false',
  }),
  'verify-deadline': input.duration({
    description: 'How long `verify` keeps asking the CDN for files that are not served yet.',
    default: '2m',
  }),
  concurrency: input.integer({
    description: 'How many files are stored or requested at the same time.',
    default: '4',
    minimum: 1,
    maximum: 64,
  }),
  ...commonInputs,
  ...awsInputs,
};

export type Inputs = InputsOf<typeof inputs>;
