/** `error` fails a run; `warning` and `notice` do not. */
export type Severity = 'error' | 'warning' | 'notice';

/** A finding about untrusted data: what is wrong, where, and what to do. `code` is closed per package. */
export interface Problem<Code extends string = string> {
  readonly code: Code;
  readonly severity: Severity;
  /** The key (path in the mirror) that it concerns. */
  readonly key?: string | undefined;
  readonly message: string;
  readonly hint?: string | undefined;
}
