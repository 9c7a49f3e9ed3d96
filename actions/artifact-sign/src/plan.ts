/** One thing to do. A further kind of step gets a case in `execute`. */
export interface Step {
  readonly kind: 'measure';
  readonly path: string;
}

export interface Plan {
  readonly steps: readonly Step[];
}

/** Which of the files at `paths` are measured: those that end with `suffix`, in the order of their names. Pure. */
export function plan(paths: readonly string[], suffix: string | undefined): Plan {
  const wanted = suffix === undefined ? paths : paths.filter((path) => path.endsWith(suffix));
  return { steps: wanted.toSorted().map((path) => ({ kind: 'measure', path })) };
}
