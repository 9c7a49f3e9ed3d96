import { joinKey } from './configuration.ts';
import type { SelectedPrefix, Selection } from './selection.ts';

/** The keys of pages of the source that may be copied; those that are there belong into `PlanInput.copied`. */
export function copiedPageKeys(selection: Selection): ReadonlySet<string> {
  return new Set(selection.prefixes.flatMap((prefix) => [...pageCopies(prefix)].map(({ from }) => from)));
}

/** A page of the source that a directory of a prefix has a copy of. */
export interface PageCopy {
  /** Index of the directory. */
  readonly directory: number;
  /** Normalised. */
  readonly name: string;
  /** The key in the source. */
  readonly from: string;
}

/** The pages that a prefix copies if they are there. */
export function* pageCopies({ configuration, directories }: SelectedPrefix): Iterable<PageCopy> {
  for (const [directory, { path, pages, hasPages }] of directories.entries()) {
    for (const { names, from } of configuration.copiedPages) {
      const source = from === undefined ? configuration.files : joinKey(from, path);
      for (const name of names) {
        const fromKey = joinKey(joinKey(source, name), 'index.html');
        if (hasPages && fromKey !== joinKey(joinKey(pages, name), 'index.html')) {
          yield { directory, name, from: fromKey };
        }
      }
    }
  }
}
