import type { RootSchema, Schema } from './schema-check.ts';

const names = (description: string): Schema => ({
  type: 'array',
  maxItems: 10_000,
  description,
  items: { $ref: '#/$defs/name' },
});
const globs = (description: string): Schema => ({
  type: 'array',
  maxItems: 1_000,
  description,
  items: { $ref: '#/$defs/glob' },
});

/** What `defaults`, a prefix and a view have in common. */
const options = {
  kind: {
    enum: ['packages', 'listing'],
    type: 'string',
    default: 'packages',
    description: '`packages`: pages for pip and uv. `listing`: one page a directory that lists its files.',
  },
  subdirectories: {
    type: 'object',
    title: 'a mapping with "match", "names" and "exclude"',
    description: 'The directories below the prefix that have pages of their own. Without it there are none.',
    additionalProperties: false,
    properties: {
      match: globs(
        'Directories, from the prefix on: `cu[0-9]*` is `cu118`, `cu118_full` and all below them, if a file lies there.',
      ),
      names: {
        type: 'array',
        maxItems: 10_000,
        description: 'Directories that have pages even while they have no file, such as `cu130`.',
        items: { $ref: '#/$defs/directory' },
      },
      exclude: globs('Directories that `match` takes, but that are left out with all below them.'),
    },
  },
  'own-pages': {
    enum: ['with-own-files', 'always', 'never'],
    type: 'string',
    default: 'with-own-files',
    description:
      'When the prefix itself has pages, which show the files of all its subdirectories: if a file lies directly in it, always, or never.',
  },
  extensions: {
    type: 'array',
    minItems: 1,
    maxItems: 20,
    default: ['whl', 'tar.gz', 'zip'],
    description: 'How file names end, without the first dot.',
    items: {
      type: 'string',
      title: 'the end of a file name without its first dot, such as "whl" or "tar.gz"',
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
      maxLength: 30,
    },
  },
  include: globs('Files, from the prefix on, such as `libtorch-*`. Without it, all.'),
  exclude: globs('Files, from the prefix on, that are left out.'),
  'allow-list': {
    title: 'a list of project names, or a mapping with "file"',
    description: 'The only projects that the pages show: their names, or a file with one name a line.',
    anyOf: [
      names('Project names, however they are spelled.'),
      {
        type: 'object',
        required: ['file'],
        additionalProperties: false,
        properties: {
          file: { $ref: '#/$defs/path', description: 'Relative to the configuration. `#` begins a comment.' },
        },
      },
    ],
  },
  keep: {
    type: 'integer',
    minimum: 1,
    maximum: 1_000_000,
    description:
      'How many versions of each project are shown, the most recent by PEP 440. Local versions (`+cu118`) count as one, over all subdirectories.',
  },
  hashes: {
    enum: ['required', 'available', 'all-or-none', 'omit'],
    type: 'string',
    default: 'available',
    description:
      'Whether links have the SHA-256 of their file. `required`: a page with a file without one is not written, and the run fails. `all-or-none`: only those of versions whose files all have one.',
  },
  links: {
    enum: ['relative', 'absolute'],
    type: 'string',
    default: 'relative',
    description:
      '`relative` links work below any path and in `file://`. `absolute` ones begin with `base-url`, or with `/`.',
  },
  'base-url': { $ref: '#/$defs/base-url' },
  layout: {
    enum: ['index-files', 'slash-keys', 'both'],
    type: 'string',
    default: 'index-files',
    description:
      '`index-files`: `torch/index.html` and `torch/index.json`. `slash-keys`: an object named `torch/`, which a bucket serves without a server of your own.',
  },
  formats: {
    type: 'array',
    minItems: 1,
    maxItems: 2,
    default: ['html', 'json'],
    description: 'Of the simple repository API. An object of `slash-keys` is JSON if that is among them.',
    items: { type: 'string', enum: ['html', 'json'] },
  },
  gzip: {
    type: 'boolean',
    default: false,
    description: 'Whether objects of `slash-keys` are compressed, with `Content-Encoding: gzip`.',
  },
  'cache-control': {
    type: 'string',
    title: 'a Cache-Control header, such as "max-age=600, public, must-revalidate"',
    pattern: '^[\\x21-\\x7e]+(?: [\\x21-\\x7e]+)*$',
    maxLength: 500,
    default: 'no-cache',
    description: 'Of every page.',
  },
  'copied-pages': {
    type: 'array',
    maxItems: 100,
    description:
      'Projects whose page somebody else keeps in the prefix: it is copied into every subdirectory, and no page is made of files that have their name. Pages with relative links are not copied.',
    items: {
      type: 'object',
      title: 'a mapping with "names", and "from" if the pages are in another prefix',
      required: ['names'],
      additionalProperties: false,
      properties: {
        names: names('Of the projects.'),
        from: {
          $ref: '#/$defs/directory',
          description:
            'Another prefix: the page of its subdirectory `cu118` is copied into this one’s, and its own page into the prefix.',
        },
      },
    },
  },
  yanked: {
    type: 'object',
    title: 'a mapping of files to reasons',
    maxProperties: 10_000,
    description: 'Files that are yanked (PEP 592), as globs of file names or as `torch==2.0.0`, and why.',
    propertyNames: { $ref: '#/$defs/files' },
    additionalProperties: { $ref: '#/$defs/reason' },
  },
  'requires-python': {
    type: 'object',
    title: 'a mapping of files to version specifiers',
    maxProperties: 10_000,
    description:
      'What is said instead of Requires-Python in METADATA, for files as globs of file names or as `networkx==3.3`.',
    propertyNames: { $ref: '#/$defs/files' },
    additionalProperties: {
      type: 'string',
      title: 'a version specifier, such as ">=3.10"',
      pattern: '^[ ,.*<>=!~+A-Za-z0-9-]+$',
      maxLength: 200,
    },
  },
  status: {
    type: 'object',
    title: 'a mapping of project names to statuses',
    maxProperties: 10_000,
    description: 'Projects that are not simply active (PEP 792).',
    propertyNames: { $ref: '#/$defs/name' },
    additionalProperties: {
      type: 'object',
      title: 'a mapping with "status" and "reason"',
      required: ['status'],
      additionalProperties: false,
      properties: {
        status: { type: 'string', enum: ['active', 'archived', 'quarantined', 'deprecated'] },
        reason: { $ref: '#/$defs/reason' },
      },
    },
  },
} as const satisfies Readonly<Record<string, Schema>>;

const store = {
  url: {
    type: 'string',
    title: 'a URL such as "s3://bucket/path" or "file:///path", or "r2:BINDING" in a Worker',
    pattern: '^[a-z][a-z0-9+.-]*:[^\\s]+$',
    maxLength: 1_000,
  },
  'endpoint-url': {
    $ref: '#/$defs/url',
    description: 'Of an S3 service other than that of AWS, such as R2 or MinIO.',
  },
  region: {
    type: 'string',
    title: 'a region, such as "eu-central-1" or "auto"',
    pattern: '^[a-z0-9-]+$',
    maxLength: 50,
  },
} as const satisfies Readonly<Record<string, Schema>>;

/** The configuration of `package-index`, format 1, as JSON Schema draft 2020-12; published in `schema/`. */
export const configurationSchema = {
  title: 'a mapping, with "format: 1" and "prefixes"',
  type: 'object',
  required: ['format', 'prefixes'],
  additionalProperties: false,
  properties: {
    format: { const: 1, title: '1', description: 'Of this file.' },
    source: {
      type: 'object',
      title: 'a mapping with "url"',
      description: 'The store with the files. The inputs of the action may name it instead.',
      required: ['url'],
      additionalProperties: false,
      properties: store,
    },
    destinations: {
      type: 'array',
      minItems: 1,
      maxItems: 10,
      description: 'The stores that get the pages. Without any, the source.',
      items: {
        type: 'object',
        title: 'a mapping with "url"',
        required: ['url'],
        additionalProperties: false,
        properties: { ...store, 'base-url': { $ref: '#/$defs/base-url' } },
      },
    },
    defaults: {
      type: 'object',
      title: 'a mapping of options that prefixes and views may have',
      description: 'Options of every prefix and view that does not set them itself.',
      additionalProperties: false,
      properties: options,
    },
    prefixes: {
      type: 'array',
      minItems: 1,
      maxItems: 1_000,
      description: 'Directories of the source that have files, and get pages.',
      items: {
        type: 'object',
        title: 'a mapping with "prefix"',
        required: ['prefix'],
        additionalProperties: false,
        properties: {
          prefix: {
            $ref: '#/$defs/prefix',
            description: 'Such as `whl/nightly`. Empty for the whole source.',
          },
          ...options,
        },
      },
    },
    views: {
      type: 'array',
      maxItems: 1_000,
      description: 'Pages in one directory about files in another.',
      items: {
        type: 'object',
        title: 'a mapping with "page" and "files"',
        required: ['page', 'files'],
        additionalProperties: false,
        properties: {
          page: { $ref: '#/$defs/directory', description: 'Where the pages are, such as `nightly`.' },
          files: {
            $ref: '#/$defs/prefix',
            description: 'Where the files are, such as a commit’s directory.',
          },
          ...options,
        },
      },
    },
    external: {
      type: 'array',
      maxItems: 100,
      description: 'Projects whose files stay on another index, whose pages are copied from its JSON.',
      items: {
        type: 'object',
        title: 'a mapping with "names"',
        required: ['names'],
        additionalProperties: false,
        properties: {
          names: { ...names('Of the projects.'), minItems: 1 },
          index: {
            $ref: '#/$defs/url',
            default: 'https://pypi.org/simple/',
            description: 'The URL of a simple repository that has JSON (PEP 691).',
          },
          prefixes: {
            type: 'array',
            maxItems: 1_000,
            description: 'Where the pages go, among `prefixes`. Without it, everywhere.',
            items: { $ref: '#/$defs/prefix' },
          },
          retain: {
            type: 'boolean',
            default: false,
            description: 'Whether files that the other index no longer has stay on the page.',
          },
        },
      },
    },
  },
  $defs: {
    prefix: {
      type: 'string',
      title: 'a directory such as "whl/nightly", without "/" at its ends, or empty',
      pattern: '^(?:[^/]+(?:/[^/]+)*)?$',
      maxLength: 500,
    },
    directory: {
      type: 'string',
      title: 'a directory such as "whl/nightly", without "/" at its ends',
      pattern: '^[^/]+(?:/[^/]+)*$',
      maxLength: 500,
    },
    path: { type: 'string', title: 'the path of a file', minLength: 1, maxLength: 1_000 },
    glob: {
      type: 'string',
      title: 'a glob of 1 to 1000 characters that does not begin with "/"',
      pattern: '^[^/]',
      maxLength: 1_000,
    },
    name: {
      type: 'string',
      title: 'the name of a project, such as "torch" or "zope.interface"',
      pattern: '^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$',
      maxLength: 200,
    },
    files: {
      type: 'string',
      title: 'a glob of file names, or "project==version"',
      pattern: '^[^/]+$',
      maxLength: 1_000,
    },
    reason: {
      type: 'string',
      title: 'a text of one line and at most 500 characters',
      pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$',
      maxLength: 500,
    },
    url: {
      type: 'string',
      title: 'a URL that begins with https:// or http://',
      pattern: '^https?://[^\\s]+$',
      maxLength: 1_000,
    },
    'nullable-url': {
      title: 'a URL that begins with https:// or http://, or null',
      anyOf: [{ $ref: '#/$defs/url' }, { type: 'null' }],
    },
    'base-url': {
      title: 'a URL, null, or a mapping with "default" and "packages"',
      description:
        'Where the files are served, if that is not where the pages are. A prefix takes precedence over a destination, and a project over both; `null` means beside the pages.',
      anyOf: [
        { $ref: '#/$defs/url' },
        { type: 'null' },
        {
          type: 'object',
          additionalProperties: false,
          properties: {
            default: { $ref: '#/$defs/nullable-url' },
            packages: {
              type: 'object',
              title: 'a mapping of project names to URLs',
              maxProperties: 10_000,
              propertyNames: { $ref: '#/$defs/name' },
              additionalProperties: { $ref: '#/$defs/nullable-url' },
            },
          },
        },
      ],
    },
  },
} as const satisfies RootSchema;

/** The schema as a document of its own, with the dialect that it is written in. */
export function configurationSchemaDocument(): Readonly<Record<string, unknown>> {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...configurationSchema };
}

/** The names of the options that a prefix, a view and `defaults` have in common. */
export const optionNames = Object.keys(options);
