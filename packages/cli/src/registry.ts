// Written by scripts/docs from the folders under actions/.
import type { ActionModule } from '@slipway/runner';

export interface RegistryEntry {
  readonly description: string;
  load(): Promise<ActionModule>;
}

export type ActionRegistry = Readonly<Record<string, RegistryEntry>>;

/** Every action that the CLI runs. Each is in a chunk of its own, which is loaded on demand. */
export const registry: ActionRegistry = {
  'archive-pack': {
    description: 'Packs release files into reproducible zips with a README, and checks every entry.',
    load: () => import('@slipway/archive-pack'),
  },
  'artifact-sign': {
    description: 'Signs files with detached OpenPGP signatures, and writes a signed SHA256SUMS.',
    load: () => import('@slipway/artifact-sign'),
  },
  'buildcache-index': {
    description:
      'Updates, rebuilds, rolls back or lists the package index of a Spack mirror, or of one of its views.',
    load: () => import('@slipway/buildcache-index'),
  },
  'buildcache-publish': {
    description:
      'Publishes a staged Spack buildcache to a mirror: verified, and with an index that keeps every publisher’s entries.',
    load: () => import('@slipway/buildcache-publish'),
  },
  'buildcache-sign': {
    description: 'Signs the new entries of a staged Spack buildcache, without gpg, on a runner of its own.',
    load: () => import('@slipway/buildcache-sign'),
  },
  'buildcache-verify': {
    description:
      'Verifies a Spack mirror, or what a CDN serves of it: signatures, names, hashes, closures and indexes.',
    load: () => import('@slipway/buildcache-verify'),
  },
  'cloudfront-invalidate': {
    description:
      'Invalidates paths or cache tags of a CloudFront distribution within a budget, and proves that the new bytes are served.',
    load: () => import('@slipway/cloudfront-invalidate'),
  },
  'dispatch-verify': {
    description:
      'Checks a repository dispatch on the receiving side (event, sender, signature, age, replay, schema) and passes on its fields and artifacts.',
    load: () => import('@slipway/dispatch-verify'),
  },
  'download-publish': {
    description:
      'Publishes files under secret paths that change over time, proves that they are served, and cleans up old ones.',
    load: () => import('@slipway/download-publish'),
  },
  'license-key-check': {
    description:
      'Blocks a release unless the generator of license keys and the validator agree, over generated customers and changed keys.',
    load: () => import('@slipway/license-key-check'),
  },
  'package-index': {
    description: 'Makes the Python packages in a bucket or directory an index for pip and uv.',
    load: () => import('@slipway/package-index'),
  },
  'repository-dispatch': {
    description:
      'Notifies other repositories with a repository dispatch: the payload is checked and signed, and never sent twice blindly.',
    load: () => import('@slipway/repository-dispatch'),
  },
  's3-publish': {
    description:
      'Publishes files to S3 or a directory: only what changed by SHA-256, pointers last, and everything checked.',
    load: () => import('@slipway/s3-publish'),
  },
};
