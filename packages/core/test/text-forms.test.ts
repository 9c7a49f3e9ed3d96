import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formFault, proxyVariables, UserError, variableOf, variableProblem } from '../src/index.ts';

describe('the form of a text', () => {
  it('of a token fits HTTP headers: they never refuse a valid one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        if (formFault(text, 'token') === undefined) {
          expect(new Headers({ authorization: `Bearer ${text}` }).get('authorization')).toBe(
            `Bearer ${text}`.trim(),
          );
        }
      }),
    );
    expect(formFault('ghp_0123456789abcdefABCDEF', 'token')).toBeUndefined();
  });

  it.each([
    ['ghp_first\nsecond', 'it has 2 lines'],
    ['ghp_first\rsecond\r\nthird', 'it has 3 lines'],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----', 'in PEM'],
    ['Bearer ghp_first', 'it has a space'],
    ['"ghp_first"', 'it is in quotes'],
    ['ghp_\u0007', 'a control character'],
    ['ghp_0123…', 'beyond ASCII'],
  ])('of the token %j is refused with advice, without quoting it', (text, words) => {
    const fault = formFault(text, 'token') ?? '';
    expect(fault).toContain(words);
    expect(fault).toContain(': ');
    expect(fault).not.toMatch(/ghp|first|second|OPENSSH/);
  });

  it('of a line allows no control characters, and of lines only tabs and line ends', () => {
    expect(formFault('a b …', 'line')).toBeUndefined();
    expect(formFault('a\tb', 'line')).toContain('a control character');
    expect(formFault('a\r\nb\tc\n', 'lines')).toBeUndefined();
    expect(formFault('a\nb\u0000', 'lines')).toContain('line 2 has a control character');
  });
});

describe('variables', () => {
  it('are read without surrounding blanks and line ends', () => {
    const environment = { A: ' x y\r\n', B: '\r\n' };
    expect(variableOf(environment, 'A')).toBe('x y');
    expect(variableOf(environment, 'B')).toBeUndefined();
    expect(variableOf(environment, 'C')).toBeUndefined();
  });

  it('are named without their values if their form is wrong', () => {
    expect(variableProblem({ A: 'hunter2\nhunter3\n' }, 'A', 'token')).toMatch(
      /^the variable A cannot be used: it has 2 lines(?!.*hunter)/,
    );
    expect(variableProblem({ A: 'hunter2\n' }, 'A', 'token')).toBeUndefined();
  });

  it('I7: of proxies are trimmed, and refused by name if Node would print their password', () => {
    const environment = { HTTPS_PROXY: 'http://user:hunter2@proxy:3128\r\n', PATH: '/bin', no_proxy: '' };
    expect(proxyVariables(environment)).toEqual({ HTTPS_PROXY: 'http://user:hunter2@proxy:3128' });
    const broken = (): unknown => proxyVariables({ https_proxy: 'http://user:hunter2\n@proxy:3128' });
    expect(broken).toThrow(UserError);
    expect(broken).toThrow(/^the variable https_proxy cannot be used: it has 2 lines(?!.*hunter2)/);
  });
});
