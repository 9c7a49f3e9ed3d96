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
      'Files beside those of `artifacts`, as lines `PLATFORM: path`, such as `macos: out/macos.zip`. `window` needs only their names.',
  }),
  check: undefined,
  absent: [],
  parse: parseFileLines,
};

export const inputs = {
  operation: input.choice({
    description:
      '`publish` stores the files under the paths of the current and the next window; `renew` does so and then deletes what is past, as a schedule needs it; `verify` proves that they are stored and served, and that wrong and old links are not; `cleanup` only deletes windows past their grace; `window` tells the windows and the links of today.',
    choices: ['publish', 'renew', 'verify', 'cleanup', 'window'],
    default: 'publish',
  }),
  scheme: input.choice({
    description:
      'How a path is kept secret. `window-hmac`: one link opens one file. `window-sha256`: one hash opens a platform, as sites that compute `sha256(SECRET:download-access:WINDOW:PLATFORM)` expect it. `cloudfront-signed`: URLs that CloudFront checks.',
    choices: ['window-hmac', 'window-sha256', 'cloudfront-signed'],
    default: 'window-hmac',
  }),
  secret: input.secret({
    description:
      'The secret that the site shares, at least 32 bytes for `window-hmac`; for `cloudfront-signed` the private key in PEM. Spaces and line breaks around it do not count. `cleanup` needs none.',
  }),
  'previous-secret': input.secret({
    description:
      'The secret before, while it is being replaced: files are published under the paths of both, and links use `secret`.',
  }),
  'key-pair-id': input.text({
    description: 'For `cloudfront-signed`: ID of the public key that belongs to `secret`.',
  }),
  'previous-key-pair-id': input.text({
    description: 'For `cloudfront-signed`: ID of the public key that belongs to `previous-secret`.',
  }),
  artifacts: input.path({
    description:
      'JSON list of the files, as another action’s output `artifacts` names it. Each has a platform, or gets `default-platform`.',
  }),
  files,
  'default-platform': {
    ...input.text({ description: 'Platform of artifacts that have none.', default: 'all' }),
    absent: 'all',
    check: undefined,
    parse: parseSegment,
  },
  destination: {
    ...input.text({
      description: 'Where the files go: `s3://bucket/prefix` or `file:///directory`. `window` needs none.',
    }),
    kind: 'URL',
    parse: parseWritableStoreUrl,
  },
  prefix: {
    ...input.text({
      description:
        'What the keys below `destination` begin with; `/` for nothing. The scheme `window-sha256` has `downloads`.',
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
        'URL under which the CDN serves `destination`, for links. Needed by `verify` and by `cloudfront-signed`.',
    }),
    kind: 'URL',
    parse: parseBaseUrl,
  },
  'origin-path': {
    ...input.text({
      description:
        'The path in `destination` at which the CDN begins: the start of `prefix` that links do not have.',
    }),
    absent: '',
    check: undefined,
    parse: parsePrefix,
  },
  'window-length': {
    ...input.duration({
      description: 'How long a window is. The scheme `window-sha256` has 12h.',
      default: '12h',
    }),
    parse: parseWindowLength,
  },
  windows: input.integer({
    description: 'How many windows are published: the current one and those after it.',
    default: '2',
    minimum: 1,
    maximum: 60,
  }),
  'clock-tolerance': {
    ...input.duration({
      description:
        'How far clocks may be off, 10s to 24h. What is the current window for any clock within it is published, and clocks that differ by more end the run.',
      default: '1h',
    }),
    parse: parseTolerance,
  },
  grace: input.duration({
    description:
      'How long a link still works after its window: caches and signed URLs end then, and `renew` and `cleanup` delete afterwards. With windows of 12h, a link so works for 48h from the beginning of its window.',
    default: '36h',
  }),
  'max-age': {
    ...input.duration({
      description:
        'How long caches may serve a copy without asking again, up to 1h: what is replaced or deleted is served for as long at most.',
      default: '1m',
    }),
    parse: parseMaxAge,
  },
  'max-idle': input.duration({
    description:
      '`renew` and `cleanup` delete nothing when by their clocks nothing was published for longer: then the clock is wrong more often than not.',
    default: '30d',
  }),
  'delete-last': input.boolean({
    description:
      'Let `cleanup` delete what is past although nothing is stored for the current window, so that there is nothing to download.',
    default: 'false',
  }),
  replace: input.boolean({
    description: 'Let `publish` and `renew` replace files of the same name that have other bytes.',
    default: 'false',
  }),
  'verify-deadline': input.duration({
    description: 'How long `verify` asks the CDN again for what is not served yet.',
    default: '2m',
  }),
  concurrency: input.integer({
    description: 'How many files are stored or asked for at the same time.',
    default: '4',
    minimum: 1,
    maximum: 64,
  }),
  ...commonInputs,
  ...awsInputs,
};

export type Inputs = InputsOf<typeof inputs>;
