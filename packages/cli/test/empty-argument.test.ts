import { input } from '@slipway/runner';
import { describe, expect, test } from 'vitest';
import { readInputTexts } from '../src/input-sources.ts';

const words = { description: 'What keys begin with.', default: 'downloads' };
const inputs = { plain: input.text(words), prefix: { ...input.text(words), emptyArgument: '/' } };

async function read(given: Record<string, string[]>, environment: Record<string, string> = {}) {
  return readInputTexts(inputs, new Map(Object.entries(given)), {
    environment,
    open: () => {
      throw new Error('no file is read');
    },
  });
}

describe('an empty argument', () => {
  test('stands for what the input says, where it says so', async () => {
    const { texts, problems } = await read({ prefix: [''] });
    expect(Object.fromEntries(texts)).toEqual({ prefix: '/' });
    expect(problems).toEqual([]);
  });

  test('is a mistake elsewhere', async () => {
    const { refused, problems } = await read({ plain: [' '], prefix: ['a'] });
    expect([...refused]).toEqual(['plain']);
    expect(problems).toEqual(['--plain is empty: give a value, or leave it out']);
  });

  test('is not what an empty variable is, which a script sets for what it has no value for', async () => {
    const { refused, problems } = await read({}, { SLIPWAY_PREFIX: '' });
    expect([...refused]).toEqual(['prefix']);
    expect(problems).toEqual(['SLIPWAY_PREFIX is empty: give a value, or unset it']);
  });
});
