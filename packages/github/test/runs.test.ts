import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTitleOf, parseApiUrl, parseRuns, stateOfRuns, type WorkflowRun } from '../src/index.ts';

const run = (workflowId: number, status: string, conclusion?: string, id = 1): WorkflowRun => {
  return { id, workflowId, title: 't', url: 'https://example.org', status, conclusion };
};

describe('the state of the runs of a message', () => {
  test.each([
    ['absent', []],
    ['running', [run(1, 'queued')]],
    ['running', [run(1, 'completed', 'failure'), run(1, 'in_progress')]],
    ['running', [run(1, 'completed', 'success'), run(2, 'waiting')]],
    ['success', [run(1, 'completed', 'failure'), run(1, 'completed', 'success')]],
    ['success', [run(1, 'in_progress'), run(1, 'completed', 'success')]],
    ['failure', [run(1, 'completed', 'success'), run(2, 'completed', 'failure')]],
    ['failure', [run(2, 'completed', 'failure'), run(1, 'completed', 'success')]],
    ['cancelled', [run(1, 'completed', 'cancelled')]],
    ['unknown', [run(1, 'completed')]],
  ])('%s: %o', (expected, runs) => {
    const state = stateOfRuns(runs);
    expect(state.kind === 'ended' ? state.conclusion : state.kind).toBe(expected);
  });
});

test.each([
  ['abc-12345', true],
  ['Release abc-12345', true],
  ['Release (abc-12345): v1', true],
  ['abc-12345.', true],
  ['--abc-12345-.', true],
  ['abc-123456', false],
  ['xabc-12345', false],
  ['abc-12345-2', false],
  ['', false],
])('the title "%s" names abc-12345: %s', (title, expected) => {
  expect(isTitleOf(title, 'abc-12345')).toBe(expected);
});

test('a title of any length is read in linear time', () => {
  // A search that restarted at each character would take minutes here.
  expect(isTitleOf(`${'.-'.repeat(200_000)}x`, 'abc-12345')).toBe(false);
});

test('any list of runs is read safely (I8)', () => {
  fc.assert(
    fc.property(fc.anything(), (data) => {
      expect(Array.isArray(parseRuns(data))).toBe(true);
      expect(Array.isArray(parseRuns({ workflow_runs: [data] }))).toBe(true);
    }),
  );
});

test.each(['http://api.example.org', 'https://user:secret@example.org', 'ftp://x', 'x', 'https://x.org/?a'])(
  'a token is never sent to %s',
  (url) => {
    expect(() => parseApiUrl(url)).toThrow();
  },
);

test.each([
  ['https://github.example.org/api/v3/', 'https://github.example.org/api/v3'],
  ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
])('the API may be at %s', (url, expected) => {
  expect(parseApiUrl(url)).toBe(expected);
});
