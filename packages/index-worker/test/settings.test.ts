import { describe, expect, it } from 'vitest';
import { acceptedFormats } from '../src/negotiation.ts';
import { readSettings, triggerToken } from '../src/settings.ts';

const configuration = `
format: 1
source: { url: "s3://wheels" }
destinations: [{ url: "r2:PAGES" }]
prefixes: [{ prefix: whl }]
`;
/** A double of a binding: settings only look at what it can do. */
const binding = { head() {}, get() {}, put() {}, delete() {}, list() {} };

describe('the settings of the Worker', () => {
  it('takes both keys or neither, and says which one is missing', () => {
    const both = { AWS_ACCESS_KEY_ID: 'the-id', AWS_SECRET_ACCESS_KEY: ' the-key\n', PAGES: binding };
    expect(readSettings(both, configuration).credentials).toEqual({
      accessKeyId: 'the-id',
      secretAccessKey: 'the-key',
    });
    expect(readSettings({ PAGES: binding }, configuration).credentials).toBeUndefined();
    const words = /either provide both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither/;
    for (const [name, missing] of [
      ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY is missing'],
      ['AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID is missing'],
      ['AWS_SESSION_TOKEN', 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are missing'],
    ] as const) {
      const read = () => readSettings({ [name]: 'a-secret', PAGES: binding }, configuration);
      expect(read).toThrow(missing);
      expect(read).toThrow(words);
      expect(read).not.toThrow('a-secret');
    }
  });

  it('tells every problem at once', () => {
    const wrong = configuration.replace('s3://wheels', 'file:///wheels').replace('PAGES', 'OTHER');
    const environment = { PAGES: binding, STOP_AFTER_SECONDS: '4e1', AWS_ACCESS_KEY_ID: 'x' };
    let message = '';
    try {
      readSettings(environment, wrong);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('source.url must be s3://bucket');
    expect(message).toContain('destinations[0].url must be an R2 binding of this Worker');
    expect(message).toContain('STOP_AFTER_SECONDS must be a whole number');
    expect(message).toContain('AWS_SECRET_ACCESS_KEY is missing');
  });

  it('takes the configuration of the variable instead of the one in the bundle', () => {
    const CONFIGURATION = configuration.replace('prefix: whl', 'prefix: simple');
    const settings = readSettings({ PAGES: binding, CONFIGURATION }, 'format: 0');
    expect(settings.configuration.prefixes.map(({ pages }) => pages)).toEqual(['simple']);
    expect(settings.limits).toMatchObject({ warnAfterMs: 20_000, stopAfterMs: 40_000 });
  });

  it('refuses a token that can be guessed, and has none by default', () => {
    expect(triggerToken({})).toBeUndefined();
    expect(() => triggerToken({ TRIGGER_TOKEN: 'x'.repeat(19) })).toThrow('at least 20 characters');
    expect(triggerToken({ TRIGGER_TOKEN: 'x'.repeat(20) })).toBe('x'.repeat(20));
  });
});

describe('the formats that a client accepts', () => {
  const json = 'application/vnd.pypi.simple.v1+json';
  const html = 'application/vnd.pypi.simple.v1+html';
  it.each([
    [null, ['html', 'json']],
    ['', ['html', 'json']],
    ['*/*', ['html', 'json']],
    ['text/html', ['html']],
    ['text/*', ['html']],
    [`${json}, ${html}; q=0.1, text/html; q=0.01`, ['json', 'html']],
    [`${json}, ${html};q=0.2, text/html;q=0.01`, ['json', 'html']],
    [`${json};q=0, */*`, ['html']],
    [`${json};q=0.5, text/html;q=0.7`, ['html', 'json']],
    ['APPLICATION/VND.PYPI.SIMPLE.LATEST+JSON', ['json']],
    [`${json};q=2`, []],
    ['image/png', []],
  ] as const)('of "%s"', (accept, formats) => {
    expect(acceptedFormats(accept)).toEqual(formats);
  });
});
