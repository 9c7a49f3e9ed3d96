import { readFileSync } from 'node:fs';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** How long a test file says it takes: `// Slow: about 120 s.` on a line of its own. 0 if it says nothing. */
export function statedSeconds(path: string): number {
  return Number(/^\/\/ Slow: about (\d+) s\.$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
}

/** Starts the files that take longest first, so that no worker is idle at the end. The rest follow in Vitest's own order. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const ordered = await super.sort(files);
    const seconds = new Map(ordered.map(({ moduleId }) => [moduleId, statedSeconds(moduleId)]));
    const secondsOf = ({ moduleId }: TestSpecification): number => seconds.get(moduleId) ?? 0;
    return ordered.sort((a, b) => secondsOf(b) - secondsOf(a));
  }
}
