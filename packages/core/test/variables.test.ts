import { describe, expect, test } from 'vitest';
import { isLoopbackHost } from '../src/endpoints.ts';
import { proxyVariables, variableOf } from '../src/variables.ts';

describe('a variable', () => {
  test('is read without surrounding blanks, and is missing if nothing is left', () => {
    const environment = { A: ' value\n', B: ' \n', C: '' };
    expect(['A', 'B', 'C', 'D'].map((name) => variableOf(environment, name))).toEqual([
      'value',
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('that names a proxy keeps its name', () => {
    expect(
      proxyVariables({
        HTTPS_PROXY: 'http://proxy:3128\n',
        no_proxy: ' ',
        HTTP_PROXY: undefined,
        PATH: '/bin',
      }),
    ).toEqual({ HTTPS_PROXY: 'http://proxy:3128' });
  });

  test('I7: that names a proxy and has two lines is refused without quoting it', () => {
    const refused = (): unknown => proxyVariables({ https_proxy: 'http://user:hunter2\n@proxy' });
    expect(refused).toThrow(expect.objectContaining({ code: 'input-invalid' }));
    expect(refused).toThrow(/^(?!.*hunter2).*https_proxy/s);
  });
});

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.255.3.4', true],
  ['[::1]', true],
  ['127.0.0.1.example.org', false],
  ['localhost.example.org', false],
  ['128.0.0.1', false],
  ['[::2]', false],
  ['0.0.0.0', false],
])('%s always means this machine: %s', (hostname, expected) => {
  expect(isLoopbackHost(hostname)).toBe(expected);
});
