import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { UserError } from '@slipway/core';
import { parseAppKey } from '@slipway/github';
import { describe, expect, test } from 'vitest';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pkcs8 = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
const pkcs1 = String(privateKey.export({ type: 'pkcs1', format: 'pem' }));
const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');
const der = (type: 'pkcs1' | 'pkcs8'): Buffer => privateKey.export({ type, format: 'der' });

describe('the key of an app', () => {
  test.each([
    ['as GitHub creates it', pkcs1],
    ['in PKCS #8', pkcs8],
    ['as base64', base64(pkcs1)],
    ['as base64 in lines', base64(pkcs1).replace(/.{76}/g, '$&\n')],
    ['as base64 of base64', base64(base64(pkcs8))],
    ['as base64 of DER', base64(der('pkcs1'))],
    ['as base64 of DER in PKCS #8', base64(der('pkcs8'))],
    ['indented', pkcs1.replace(/^/gm, '    ')],
    ['with blanks for line breaks', pkcs1.replaceAll('\n', ' ')],
    ['without line breaks', pkcs1.replaceAll('\n', '')],
    ['with escaped line breaks', pkcs1.replaceAll('\n', '\\n')],
    ['as a string of JSON', JSON.stringify(pkcs1)],
    ['with CRLF', pkcs1.replaceAll('\n', '\r\n')],
    ['with no-break spaces', pkcs1.replaceAll(' ', '\u00a0')],
    ['after a byte order mark', `\ufeff${pkcs1}`],
    ['with a text before it', `GitHub App of Acme\n${pkcs1}`],
  ])('is accepted %s', (_, text) => {
    expect(parseAppKey(text)).toBe(pkcs8);
  });

  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const pem = (key: KeyObject): string => String(key.export({ type: 'pkcs8', format: 'pem' }));
  const encrypted = privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'secret-words',
  });
  const encryptedPkcs1 = privateKey.export({
    type: 'pkcs1',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'secret-words',
  });
  test.each([
    ['nothing', '', /not a private RSA key/],
    ['words', 'secret-words', /not a private RSA key/],
    [
      'an OpenPGP key',
      '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nsecret\n-----END PGP PRIVATE KEY BLOCK-----',
      /an OpenPGP key/,
    ],
    [
      'a public key',
      String(publicKey.export({ type: 'spki', format: 'pem' })),
      /a public key, not a private key/,
    ],
    ['another kind of key', pem(ec), /not an RSA key/],
    ['a key with a passphrase', String(encrypted), /protected by a passphrase/],
    ['an older key with a passphrase', String(encryptedPkcs1), /protected by a passphrase/],
    ['that on one line', String(encryptedPkcs1).replaceAll('\n', ' '), /protected by a passphrase/],
    ['a damaged key', pkcs1.replace(/\n.{64}\n/, '\n'), /is damaged/],
    ['half of a key', pkcs1.slice(0, 400), /incomplete/],
    ['two keys', pkcs1 + pkcs8, /more than one/],
  ])('I7: %s is refused without quoting it', (_, text, reason) => {
    let refusal: unknown;
    try {
      parseAppKey(text);
    } catch (error) {
      refusal = error;
    }
    if (!(refusal instanceof UserError)) throw new Error('it was accepted');
    expect(refusal.code).toBe('key-unusable');
    expect(refusal.cause).toBeUndefined();
    expect(refusal.message).toMatch(reason);
    const said = `${refusal.message} ${refusal.hint} ${refusal.stack}`;
    expect(said).not.toContain('secret');
    for (const word of text.split(/\s+/)) if (word.length > 20) expect(said).not.toContain(word);
  });
});
