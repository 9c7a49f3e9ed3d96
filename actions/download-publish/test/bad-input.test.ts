import { generateKeyPairSync } from 'node:crypto';
import { failureOf, makeTree, runAction } from '@slipway/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { action } from '../src/action.ts';
import { parseFileLines, parsePrefix, parseWindowLength } from '../src/parsers.ts';
import { type InputTexts, previousSecret, secret } from './downloads.ts';

const good = { secret, files: 'macos: app.zip', destination: 'file:///tmp/slipway-never-written' };
const privateKey = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

function failure(inputs: InputTexts): Promise<Error> {
  return failureOf(runAction(action, { ...good, ...inputs }));
}

describe('bad input', () => {
  test('is reported in one error that names each input', async () => {
    const error = await failure({
      operation: 'upload',
      scheme: 'rot13',
      files: 'macos out/app.zip',
      'default-platform': 'a/b',
      destination: 'https://user:hunter2@example.org/',
      prefix: '../up',
      'base-url': 'cdn.example.org',
      'window-length': '7h',
      windows: '0',
      'clock-tolerance': '0s',
      grace: '-1h',
      'max-idle': 'never',
      replace: 'perhaps',
      'verify-deadline': 'soon',
      concurrency: '1000',
      'dry-run': 'perhaps',
      'role-to-assume': 'me',
    });
    expect(error).toMatchObject({ code: 'input-invalid' });
    for (const name of [
      ...[
        'operation',
        'scheme',
        'files',
        'default-platform',
        'destination',
        'prefix',
        'base-url',
        'window-length',
      ],
      ...[
        'windows',
        'clock-tolerance',
        'grace',
        'max-idle',
        'replace',
        'verify-deadline',
        'concurrency',
        'dry-run',
      ],
      'role-to-assume',
    ]) {
      expect(error.message).toContain(`"${name}"`);
    }
    expect(error.message).not.toContain('hunter2');
  });

  test.each([
    ['no secret', { secret: '' }, 'secret is not given'],
    [
      'a short secret',
      { secret: 'hunter2 is short' },
      'secret cannot be used with the scheme window-hmac: it has fewer than 32 bytes',
    ],
    ['a short secret of before', { 'previous-secret': 'hunter2 is short' }, 'previous-secret cannot be used'],
    ['no destination', { destination: '' }, 'destination is not given'],
    ['nothing to publish', { files: '' }, 'neither artifacts nor files'],
    ['a bucket without a region', { destination: 's3://bucket' }, 'aws-region'],
    ['verifying without a CDN', { operation: 'verify' }, 'base-url is not given'],
    ['windows by the thousand', { 'window-length': '1m' }, 'cover more than 100'],
    ['a key that is not one', { scheme: 'cloudfront-signed', secret: 'hunter2' }, 'not a private key in PEM'],
    ['a key without its ID', { scheme: 'cloudfront-signed', secret: privateKey }, 'key-pair-id is not given'],
    [
      'a previous key without its ID',
      { scheme: 'cloudfront-signed', secret: privateKey, 'previous-secret': privateKey, 'key-pair-id': 'K1' },
      'previous-key-pair-id',
    ],
    ['signing nothing', { scheme: 'cloudfront-signed', secret: privateKey }, 'base-url is not given'],
  ])('%s', async (_, inputs, words) => {
    const error = await failure(inputs);
    expect(error).toMatchObject({ code: 'input-invalid', message: expect.stringContaining(words) });
    expect(`${error.message} ${error.stack}`).not.toMatch(/hunter2|BEGIN/);
  });

  test('a weak secret of window-sha256 causes a warning that does not contain it', async () => {
    const weak = 'hunter2!';
    const inputs = {
      operation: 'window',
      scheme: 'window-sha256',
      secret: weak,
      'previous-secret': previousSecret,
    };
    const run = await runAction(action, { ...inputs, 'window-length': '1d' });
    expect(run.problems).toMatchObject([
      { code: 'secret-weak', severity: 'warning', message: expect.stringContaining('The secret is weak') },
      { code: 'window-length-unusual', severity: 'notice' },
    ]);
    expect(JSON.stringify(run)).not.toContain('hunter2');
  });

  test('a secret that is part of the links is refused, because the runner would drop their output', async () => {
    const workspace = makeTree({ 'macos.zip': 'x' });
    const inputs = { ...good, scheme: 'window-sha256', secret: 'macos', files: 'macos: macos.zip' };
    const error = await failureOf(runAction(action, inputs, { workDirectory: workspace }));
    expect(error).toMatchObject({
      code: 'input-invalid',
      message: expect.stringContaining('part of the links'),
    });
  });
});

describe('I8: parsers of outside text', () => {
  test('return a valid part of a key, or an error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.webUrl()), (text) => {
        for (const parse of [parseFileLines, parsePrefix, parseWindowLength]) {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
            expect(error).not.toBeInstanceOf(TypeError);
          }
        }
      }),
    );
  });

  test('files are parsed line by line into platform and path, with any spacing', () => {
    expect(parseFileLines('\n # comment\n macos:out/a.zip \r\nlinux x64 :  b: c.zip\n')).toEqual([
      { platform: 'macos', path: 'out/a.zip' },
      { platform: 'linux x64', path: 'b: c.zip' },
    ]);
    expect(() => parseFileLines('a/b: x\n: y\nz:')).toThrow(/"a\/b: x".*": y".*"z:"/);
  });

  test('lengths divide a day or are days', () => {
    expect(['1m', '90m', '12h', '1d', '31d'].map(parseWindowLength)).toEqual(
      [1, 90, 720, 1_440, 44_640].map((minutes) => minutes * 60_000),
    );
    for (const text of ['0s', '30s', '7m', '7h', '13h', '25h', '32d', '43199s']) {
      expect(() => parseWindowLength(text), text).toThrow();
    }
  });
});
