// Written by scripts/docs from the folders under actions/.
import type { ActionModule } from '@slipway/runner';

export interface RegistryEntry {
  readonly description: string;
  load(): Promise<ActionModule>;
}

export type ActionRegistry = Readonly<Record<string, RegistryEntry>>;

/** Every action that the CLI runs, each in a chunk of its own that is loaded when it is wanted. */
export const registry: ActionRegistry = {
  'buildcache-publish': {
    description:
      'Publishes a staged Spack buildcache to a mirror, verified, with an index that loses nobody’s entries.',
    load: () => import('@slipway/buildcache-publish'),
  },
  'buildcache-sign': {
    description: 'Signs the new entries of a staged Spack buildcache, without gpg, on a runner of its own.',
    load: () => import('@slipway/buildcache-sign'),
  },
};
