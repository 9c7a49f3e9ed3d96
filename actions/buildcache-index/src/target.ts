import type { Selection } from './selection.ts';

/** The index that is worked on. */
export interface Target {
  readonly view: string | undefined;
  readonly selection: Selection | undefined;
  /** Of a view: what was in it before; undefined where nothing says so that may be believed. */
  readonly members?: ReadonlySet<string> | undefined;
}
