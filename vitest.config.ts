import { defineConfig } from 'vitest/config';
import LongestFirst from './scripts/lib/longest-first.ts';

export default defineConfig({
  resolve: { conditions: ['source', 'node'] },
  ssr: { resolve: { conditions: ['source', 'node'] } },
  test: {
    include: ['{actions,packages,scripts}/**/test/**/*.test.ts'],
    globalSetup: ['packages/testkit/src/temporary-files.ts'],
    pool: 'forks',
    // Most tests wait for programs that they started: a core left free for the runner would stand idle. More workers than cores
    // take longer together, because the longest tests start first and all need the processor.
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 60_000,
  },
});
