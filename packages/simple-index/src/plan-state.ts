import { isBelow, noBaseUrls } from './configuration.ts';
import type { IndexPlan, PageTarget } from './plan.ts';
import type { Selection } from './selection.ts';
import { type PageState, type PrefixState, pageDigest, sha256Of } from './state.ts';

/** Says by what a prefix was configured, as far as its pages in a destination depend on it. */
export function prefixFingerprint(
  selection: Pick<Selection, 'configuration'>,
  pages: string,
  destination?: number,
): string {
  const { prefixes, destinations, external } = selection.configuration;
  const baseUrls =
    (destination === undefined ? undefined : destinations[destination]?.baseUrls) ?? noBaseUrls;
  return sha256Of(
    JSON.stringify([
      prefixes.find((prefix) => prefix.pages === pages)?.text,
      baseUrls.default,
      [...baseUrls.packages].sort(([a], [b]) => (a < b ? -1 : 1)),
      external.filter((one) => one.prefixes?.includes(pages) ?? true),
    ]),
  );
}

/**
 * What the document of a prefix says after a run: `written` has the ETags of the pages that were written, `deleted` the keys of those
 * that were deleted. What failed is not in them, and stays as it was.
 */
export function stateAfter(
  plan: IndexPlan,
  prefix: string,
  written: ReadonlyMap<string, string>,
  deleted: ReadonlySet<string>,
): PrefixState | undefined {
  const state = plan.states.get(prefix);
  if (state === undefined) return undefined;
  const pages = new Map<string, PageState>([...state.pages].filter(([key]) => !deleted.has(key)));
  for (const step of plan.steps) {
    if (step.kind !== 'write-page' && step.kind !== 'copy-page') continue;
    const etag = written.get(step.key);
    if (etag !== undefined && isOf(step.key, prefix, plan.states))
      pages.set(step.key, { etag, sha256: pageDigest(step) });
  }
  return { ...state, pages };
}

/** The projects that a root page lists, for `PageContents`. */
export function listedProjects(
  plan: Pick<IndexPlan, 'states'>,
  selection: Selection,
  target: Pick<PageTarget, 'prefix' | 'directory'>,
): readonly string[] {
  const prefix = selection.prefixes[target.prefix];
  const path = prefix?.directories[target.directory]?.path ?? '';
  return plan.states.get(prefix?.configuration.pages ?? '')?.projects.get(path) ?? [];
}

/** Whether a page belongs to a prefix, and to none that is further inside. */
function isOf(key: string, prefix: string, prefixes: ReadonlyMap<string, unknown>): boolean {
  if (!isBelow(key, prefix)) return false;
  for (let at = key.lastIndexOf('/'); at > prefix.length; at = key.lastIndexOf('/', at - 1)) {
    if (prefixes.has(key.slice(0, at))) return false;
  }
  return true;
}
