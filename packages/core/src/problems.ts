/** `error` fails a run, `warning` is shown and does not, `notice` is information. */
export type Severity = 'error' | 'warning' | 'notice';

/** One finding about data from outside: what is wrong, where, and what to do. `code` is closed per package. */
export interface Problem<Code extends string = string> {
  readonly code: Code;
  readonly severity: Severity;
  /** The key (path under the mirror) that it is about. */
  readonly key?: string | undefined;
  readonly message: string;
  readonly hint?: string | undefined;
}
