import { type InvalidationTarget, spellings } from './cloudfront-paths.ts';

/** How much paths may be collapsed into wildcards. */
export interface InvalidationBudget {
  /** The maximum number of paths to send; CloudFront bills each. */
  readonly maxPaths: number;
  /** The maximum number of wildcards to create; those in the inputs do not count. */
  readonly maxWildcards: number;
  /** The minimum depth of created wildcards, in whole directories: 1 allows `/dir/*`, but never `/*`. */
  readonly minDepth: number;
}

/** Something to invalidate, and why. */
export interface PlannedTarget extends InvalidationTarget {
  /** The paths to send for it; CloudFront bills each. */
  readonly paths: readonly string[];
  /**
   * `asked`: it is in the inputs. `budget`: it stands for several of the inputs. `tilde`: CloudFront cannot invalidate names with
   * `~`, so the wildcard ends before it. The last two also cover whatever else starts with it.
   */
  readonly reason: 'asked' | 'budget' | 'tilde';
  /** How many of the inputs it covers. */
  readonly covers: number;
}

export type Collapsed =
  | { readonly kind: 'within-budget'; readonly targets: readonly PlannedTarget[] }
  /** `paths` is the lowest number reached. */
  | { readonly kind: 'over-budget'; readonly paths: number; readonly wildcards: number }
  /** Names with a `~` so early that only a wildcard above `minDepth` would cover them. */
  | { readonly kind: 'too-wide'; readonly names: readonly string[] };

/**
 * Finds the fewest wildcards that bring the targets within the budget, as deep in the tree as possible, and then narrows each while
 * the budget allows. The same targets give the same result, in any order. Sorts by UTF-16 code units, which keeps everything under
 * a prefix together.
 */
export function collapse(targets: readonly InvalidationTarget[], budget: InvalidationBudget): Collapsed {
  const { reachable, tooWide } = avoidTildes(targets, budget.minDepth);
  if (tooWide.length > 0) return { kind: 'too-wide', names: tooWide };
  const asked = withoutCovered(reachable);
  let least = tally(asked);
  if (fits(least, budget)) return { kind: 'within-budget', targets: asked };
  for (let depth = deepest(asked); depth >= budget.minDepth; depth -= 1) {
    const picked = pick(asked, depth, budget);
    const reached = tally(picked.map(wildcardOf));
    if (reached.paths < least.paths) least = reached;
    if (fits(reached, budget)) return { kind: 'within-budget', targets: narrow(picked, budget) };
  }
  return { kind: 'over-budget', ...least };
}

/** Replaces names with a `~` by wildcards that end before it. */
function avoidTildes(
  targets: readonly InvalidationTarget[],
  minDepth: number,
): { readonly reachable: readonly PlannedTarget[]; readonly tooWide: readonly string[] } {
  const reachable: PlannedTarget[] = [];
  const tooWide: string[] = [];
  const wildcards = targets.filter(({ kind, name }) => kind === 'prefix' && !name.includes('~'));
  for (const target of withoutRepeated(targets)) {
    const tilde = target.name.indexOf('~');
    if (tilde === -1 || wildcards.some(({ name }) => target.name.startsWith(name))) {
      reachable.push(planned(target, 'asked', 1));
      continue;
    }
    const prefix: InvalidationTarget = { kind: 'prefix', name: target.name.slice(0, tilde) };
    if (depthOf(prefix.name) < minDepth) tooWide.push(target.name);
    else reachable.push(planned(prefix, 'tilde', 1));
  }
  return { reachable, tooWide: tooWide.sort() };
}

function withoutRepeated(targets: readonly InvalidationTarget[]): readonly InvalidationTarget[] {
  return [...new Map(targets.map((target) => [`${target.kind} ${target.name}`, target])).values()];
}

/** Sorts the targets, and removes those that a wildcard among them covers. */
function withoutCovered(targets: readonly PlannedTarget[]): readonly PlannedTarget[] {
  const rank = ({ reason }: PlannedTarget): number => (reason === 'asked' ? 0 : 1);
  const sorted = [...targets].sort((a, b) => byName(a, b) || rank(a) - rank(b));
  const kept: PlannedTarget[] = [];
  for (const target of sorted) {
    const last = kept.at(-1);
    if (last?.kind === 'prefix' && target.name.startsWith(last.name)) {
      kept[kept.length - 1] = { ...last, covers: last.covers + target.covers };
    } else kept.push(target);
  }
  return kept;
}

/** Neighbouring targets that one wildcard replaces, if there are several. */
type Group = readonly [PlannedTarget, ...PlannedTarget[]];

/** Groups the targets under those directories of `depth` that save most, until the budget is met. */
function pick(asked: readonly PlannedTarget[], depth: number, budget: InvalidationBudget): readonly Group[] {
  const groups = grouped(asked, ({ name }) => directoriesOf(name, depth));
  const changes = groups
    .filter((group) => group.length > 1)
    .map((group) => ({ group, change: difference(tally(group), tally([wildcardOf(group)])) }))
    .filter(({ change }) => change.paths > 0)
    .sort((a, b) => b.change.paths - a.change.paths || byName(a.group[0], b.group[0]));
  const chosen = new Set<Group>();
  let now = tally(asked);
  for (const { group, change } of changes) {
    if (fits(now, budget)) break;
    const next = difference(now, change);
    if (next.wildcards > Math.max(budget.maxWildcards, now.wildcards)) continue;
    chosen.add(group);
    now = next;
  }
  return groups.flatMap((group) => (chosen.has(group) ? [group] : singles(group)));
}

/** Replaces wildcards by narrower ones, widest first, while the budget allows. */
function narrow(picked: readonly Group[], budget: InvalidationBudget): readonly PlannedTarget[] {
  const done: PlannedTarget[] = picked.filter((group) => group.length === 1).map(wildcardOf);
  let queue = picked.filter((group) => group.length > 1);
  let now = tally(picked.map(wildcardOf));
  while (queue.length > 0) {
    const next: Group[] = [];
    for (const group of queue) {
      const { name } = wildcardOf(group);
      // One more character decides which targets belong together below.
      const parts = grouped(group, (target) => firstCharacters(target.name, name.length));
      const change = difference(tally([wildcardOf(group)]), tally(parts.map(wildcardOf)));
      const narrowed = difference(now, change);
      if (parts.length > 1 && fits(narrowed, budget)) {
        now = narrowed;
        for (const part of parts) {
          if (part.length > 1) next.push(part);
          else done.push(part[0]);
        }
      } else done.push(wildcardOf(group));
    }
    queue = next;
  }
  return done.sort(byName);
}

interface Tally {
  readonly paths: number;
  /** Created ones, not those from the inputs. */
  readonly wildcards: number;
}

function tally(targets: readonly PlannedTarget[]): Tally {
  let paths = 0;
  let wildcards = 0;
  for (const target of targets) {
    paths += target.paths.length;
    if (target.reason !== 'asked') wildcards += target.paths.length;
  }
  return { paths, wildcards };
}

function difference(a: Tally, b: Tally): Tally {
  return { paths: a.paths - b.paths, wildcards: a.wildcards - b.wildcards };
}

function fits({ paths, wildcards }: Tally, budget: InvalidationBudget): boolean {
  return paths <= budget.maxPaths && wildcards <= budget.maxWildcards;
}

/** The narrowest wildcard over a group; the target itself if it is alone. */
function wildcardOf(group: Group): PlannedTarget {
  const [first] = group;
  const last = group.at(-1) ?? first;
  if (first === last) return first;
  const covers = group.reduce((sum, target) => sum + target.covers, 0);
  return planned({ kind: 'prefix', name: commonPrefix(first.name, last.name) }, 'budget', covers);
}

function planned(target: InvalidationTarget, reason: PlannedTarget['reason'], covers: number): PlannedTarget {
  return { ...target, paths: spellings(target), reason, covers };
}

function singles(group: Group): readonly Group[] {
  return group.map((target) => [target] as const);
}

/** Groups neighbours with the same key. */
function grouped(
  targets: readonly PlannedTarget[],
  keyOf: (target: PlannedTarget) => string,
): readonly Group[] {
  const groups: [PlannedTarget, ...PlannedTarget[]][] = [];
  let lastKey: string | undefined;
  for (const target of targets) {
    const key = keyOf(target);
    const last = groups.at(-1);
    if (last !== undefined && key === lastKey) last.push(target);
    else groups.push([target]);
    lastKey = key;
  }
  return groups;
}

/** How many whole directories a name is under: 0 for `/file` and `/dir`, 1 for `/dir/`. */
function depthOf(name: string): number {
  return name.split('/').length - 2;
}

/** The first `depth` directories of a name with their slash; the whole name if it has fewer. */
function directoriesOf(name: string, depth: number): string {
  let end = 0;
  for (let found = 0; found < depth; found += 1) {
    const next = name.indexOf('/', end + 1);
    if (next === -1) return name;
    end = next;
  }
  return name.slice(0, end + 1);
}

/** The first `length` code units of a name and the complete next character. */
function firstCharacters(name: string, length: number): string {
  const wide = (name.codePointAt(length) ?? 0) > 0xffff;
  return name.slice(0, length + (wide ? 2 : 1));
}

function deepest(targets: readonly PlannedTarget[]): number {
  return targets.reduce((depth, { name }) => Math.max(depth, depthOf(name)), 0);
}

/** The longest common beginning of two names, in whole characters. */
function commonPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  const prefix = a.slice(0, length);
  return prefix.isWellFormed() ? prefix : prefix.slice(0, -1);
}

/** By name; wildcards before the path with the same name, which they cover. */
function byName(a: InvalidationTarget, b: InvalidationTarget): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  if (a.kind === b.kind) return 0;
  return a.kind === 'prefix' ? -1 : 1;
}
