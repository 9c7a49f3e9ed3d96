import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { createVitest } from 'vitest/node';
import LongestFirst from '../longest-first.ts';

test('files that say they take longer start first, and then larger ones', async () => {
  const root = temporaryDirectory('project');
  const files = {
    large: `// ${'x'.repeat(1000)}`,
    long: '// Slow: about 120 s.',
    longer: '// Slow: about 1000 s.',
    medium: `// ${'x'.repeat(500)}`,
    mentions: `it('// Slow: about 5000 s.', () => {});`,
    short: '// Slow: about 20 s.',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, `${name}.test.ts`), text);
  const vitest = await createVitest('test', { root, config: false, watch: false, reporters: [] });
  try {
    const sorted = await new LongestFirst(vitest).sort(await vitest.globTestSpecifications());
    const names = sorted.map(({ moduleId }) => basename(moduleId, '.test.ts'));
    expect(names).toEqual(['longer', 'long', 'short', 'large', 'medium', 'mentions']);
  } finally {
    await vitest.close();
  }
});
