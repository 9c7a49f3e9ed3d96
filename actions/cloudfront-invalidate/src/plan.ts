import {
  callerReference,
  collapse,
  type Expectation,
  type InvalidationBatch,
  type InvalidationBudget,
  type InvalidationTarget,
  inBatches,
  isWildcard,
  type PlannedTarget,
} from '@slipway/aws';
import { counted, encodeKey, printable, UserError, unreachable } from '@slipway/core';
import { pendingInvalidationsKey } from '@slipway/pending-invalidations';
import type { Proof } from './parsers.ts';
import { type ForgetStep, forgetting, type Pending, pendingReference } from './pending.ts';

const maxShown = 5;

export type Step =
  /** Invalidating tags has no effect if the distribution reads none. */
  | { readonly kind: 'check-cache-tags' }
  | {
      readonly kind: 'invalidate';
      readonly callerReference: string;
      readonly batch: InvalidationBatch;
    }
  | { readonly kind: 'wait' }
  | { readonly kind: 'prove'; readonly expectations: readonly Expectation[] }
  /** Checks whether the CDN serves the records that Slipway keeps in the destination. */
  | { readonly kind: 'check-hidden'; readonly url: string }
  | ForgetStep;

export interface Plan {
  readonly steps: readonly Step[];
  /** The identity behind `callerReference`, to create another one if an old invalidation does not help. */
  readonly publish: string;
  readonly targets: readonly PlannedTarget[];
  readonly tags: readonly string[];
  /** How many paths, wildcards and tags CloudFront bills: each is a path to it. */
  readonly billablePaths: number;
  readonly wildcards: number;
  readonly budget: InvalidationBudget;
  /** Whether to wait until CloudFront reports an invalidation as completed. */
  readonly waits: boolean;
  /** URLs to prove that no path of this run covers; `asked` are those that the inputs name individually. */
  readonly uncovered: { readonly all: readonly string[]; readonly asked: readonly string[] };
  /** Names that contain `path-prefix` twice, usually because it was written into the path as well. */
  readonly prefixedTwice: readonly string[];
  readonly unknownDestination: string | undefined;
}

export interface PlanInput {
  readonly targets: readonly InvalidationTarget[];
  /** The record of the destination, and the targets in the spelling of publishes, without `path-prefix`. */
  readonly pending: Pending;
  /** The URL of a destination without any record of a publish; undefined if there is a record, or no destination. */
  readonly unknownDestination?: string | undefined;
  readonly tags: readonly string[];
  readonly budget: InvalidationBudget;
  readonly reference: string | undefined;
  /** Different in each run: the reference if nothing else identifies the publish. */
  readonly runReference: string;
  readonly proofs: readonly Proof[];
  readonly baseUrl: string | undefined;
  readonly prefix: string;
  readonly wait: boolean;
}

/**
 * Decides what to invalidate and what to prove. Throws `UserError` `plan-refused` if the paths do not fit the budget, and
 * `input-invalid` for proofs that contradict each other or have no URL.
 */
export function plan(input: PlanInput): Plan {
  const expectations = expectationsOf(input);
  const targets = withinBudget(input);
  const paths = [...targets.flatMap((target) => target.paths), ...input.tags.map((tag) => `#${tag}`)];
  const publish = publishOf(input, expectations);
  const steps: Step[] = [];
  if (input.tags.length > 0) steps.push({ kind: 'check-cache-tags' });
  for (const batch of inBatches(paths)) {
    steps.push({ kind: 'invalidate', callerReference: callerReference(batch, publish, 1), batch });
  }
  if (paths.length > 0 && input.wait) steps.push({ kind: 'wait' });
  if (expectations.length > 0) steps.push({ kind: 'prove', expectations });
  if (input.pending.publishes.length > 0 && input.baseUrl !== undefined) {
    steps.push({
      kind: 'check-hidden',
      url: urlUnder(input.baseUrl, `${input.prefix}/${pendingInvalidationsKey}`),
    });
  }
  if (input.wait || paths.length === 0) steps.push(...forgetting(input.pending));
  return {
    steps,
    publish,
    targets,
    tags: input.tags,
    budget: input.budget,
    waits: input.wait,
    billablePaths: paths.length,
    wildcards: paths.filter(isWildcard).length,
    uncovered: uncoveredOf(input),
    unknownDestination: input.unknownDestination,
    prefixedTwice:
      input.prefix === ''
        ? []
        : input.targets.flatMap(({ name }) =>
            `${name}/`.startsWith(`${input.prefix}${input.prefix}/`) ? [name] : [],
          ),
  };
}

/** The identity of this publish in the reference: the user's reference, or else what must be served, or else this run. */
function publishOf(input: PlanInput, expectations: readonly Expectation[]): string {
  return `${contentOf(input, expectations)}${pendingReference(input.pending, input.runReference)}`;
}

function contentOf(input: PlanInput, expectations: readonly Expectation[]): string {
  if (input.reference !== undefined) return `reference ${input.reference}`;
  if (expectations.length === 0) return `run ${input.runReference}`;
  return `content ${expectations.map(({ url, sha256 }) => `${url} ${sha256}`).join('\n')}`;
}

function withinBudget({ targets, tags, budget }: PlanInput): readonly PlannedTarget[] {
  const left = { ...budget, maxPaths: budget.maxPaths - tags.length };
  const collapsed = collapse(targets, left);
  switch (collapsed.kind) {
    case 'within-budget':
      return collapsed.targets;
    case 'over-budget':
      throw new UserError(
        'plan-refused',
        `${counted(targets.length + tags.length, 'path')} cannot be collapsed to max-paths: ${budget.maxPaths} with ${counted(budget.maxWildcards, 'wildcard')} of wildcard-depth ${budget.minDepth}: ${counted(collapsed.paths + tags.length, 'path')} would remain`,
        {
          hint: 'Raise max-paths or max-wildcards, lower wildcard-depth, or set a wildcard yourself, such as "/*". Nothing was invalidated.',
        },
      );
    case 'too-wide':
      throw new UserError(
        'plan-refused',
        `CloudFront cannot invalidate names with "~", and a wildcard that ends before it would be wider than wildcard-depth ${budget.minDepth} allows: ${firstOf(collapsed.names)}`,
        {
          hint: 'Lower wildcard-depth, or set a wildcard yourself, such as "/*". Nothing was invalidated.',
        },
      );
    default:
      return unreachable(collapsed);
  }
}

function expectationsOf({ proofs, baseUrl, prefix }: PlanInput): readonly Expectation[] {
  const byUrl = new Map<string, Expectation>();
  const contradicted = new Set<string>();
  for (const { place, sha256, sizeBytes } of proofs) {
    const url = place.kind === 'url' ? place.url : urlUnder(baseUrl, `${prefix}${place.name}`);
    const known = byUrl.get(url);
    if (known !== undefined && known.sha256 !== sha256) contradicted.add(url);
    byUrl.set(url, { url, sha256, sizeBytes: sizeBytes ?? known?.sizeBytes });
  }
  if (contradicted.size > 0) {
    throw new UserError('input-invalid', `prove has two checksums for ${firstOf([...contradicted])}`);
  }
  return [...byUrl.values()].sort((a, b) => (a.url < b.url ? -1 : 1));
}

/** The paths of URLs that turned out to be stale, in batches, or undefined if the budget does not allow them. */
export function batchesFor(
  urls: readonly string[],
  budget: InvalidationBudget,
): readonly InvalidationBatch[] | undefined {
  const collapsed = collapse(
    urls.map((url) => ({ kind: 'path', name: nameOf(url) })),
    budget,
  );
  if (collapsed.kind !== 'within-budget') return undefined;
  return inBatches(collapsed.targets.flatMap(({ paths }) => paths));
}

/** The URLs that no path covers. With tags, that cannot be known. */
function uncoveredOf({ proofs, targets, tags, baseUrl, prefix }: PlanInput): Plan['uncovered'] {
  if (tags.length > 0) return { all: [], asked: [] };
  const paths = new Set(targets.flatMap(({ kind, name }) => (kind === 'path' ? [name] : [])));
  const prefixes = targets.flatMap(({ kind, name }) => (kind === 'prefix' ? [name] : []));
  const uncovered = proofs.flatMap(({ place, isListed }) => {
    const url = place.kind === 'url' ? place.url : urlUnder(baseUrl, `${prefix}${place.name}`);
    const name = nameOf(url);
    const isCovered = paths.has(name) || prefixes.some((start) => name.startsWith(start));
    return isCovered ? [] : [{ url, isListed }];
  });
  return {
    all: uncovered.map(({ url }) => url),
    asked:
      targets.length === 0 ? [] : uncovered.filter(({ isListed }) => isListed !== true).map(({ url }) => url),
  };
}

function nameOf(url: string): string {
  const { pathname } = new URL(url);
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

function urlUnder(baseUrl: string | undefined, name: string): string {
  if (baseUrl === undefined) {
    throw new UserError('input-invalid', `base-url is not given, but "${printable(name)}" must be proven`);
  }
  return baseUrl + encodeKey(name);
}

function firstOf(names: readonly string[]): string {
  const more = names.length > maxShown ? `, and ${names.length - maxShown} more` : '';
  return (
    names
      .slice(0, maxShown)
      .map((name) => `"${printable(name)}"`)
      .join(', ') + more
  );
}
