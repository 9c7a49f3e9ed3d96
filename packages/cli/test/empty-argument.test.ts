import { input } from '@slipway/runner';
import { describe, expect, test } from 'vitest';
import { readInputTexts } from '../src/input-sources.ts';

const words = { description: 'What keys begin with.', default: 'downloads' };
const inputs = { plain: input.text(words), prefix: { ...input.text(words), emptyArgument: '/' } };

async function textsOf(given: Record<string, string[]>, environment: Record<string, string> = {}) {
  const read = await readInputTexts(inputs, new Map(Object.entries(given)), {
    environment,
    open: () => {
      throw new Error('no file is read');
    },
  });
  return Object.fromEntries(read.texts);
}

describe('an empty argument', () => {
  test('stands for what the input says, where it says so', async () => {
    expect(await textsOf({ prefix: [''], plain: [''] })).toEqual({ prefix: '/', plain: '' });
    expect(await textsOf({ prefix: ['a'] })).toEqual({ prefix: 'a' });
  });

  test('is not what an empty variable is, which a script sets for what it has no value for', async () => {
    expect(await textsOf({}, { SLIPWAY_PREFIX: '' })).toEqual({ prefix: '' });
  });
});
