import { parseClearSigned } from '@slipway/signing';
import { makeKey } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { decodeArmorLines, encodeArmor } from '../src/armor.ts';
import { documentOf, manifestText, signerFor } from './support.ts';

const key = await makeKey({ type: 'ed25519' });
const document = await (await signerFor(key, Date.now())).clearSign(manifestText);
const start = '-----BEGIN PGP SIGNED MESSAGE-----';
const signatureStart = '-----BEGIN PGP SIGNATURE-----';
const end = '-----END PGP SIGNATURE-----';

function codeOf(text: string | Uint8Array): string {
  const parsed = parseClearSigned(text);
  return parsed.ok ? 'ok' : parsed.code;
}

describe('armor', () => {
  it('is canonical base64 with the checksum of its bytes', () => {
    expect(decodeArmorLines(['AA=='], 'optional')).toEqual(Buffer.from([0]));
    for (const lines of [
      ['AB=='],
      ['AA='],
      ['AA'],
      ['A'],
      ['AA==', 'AA=='],
      ['AAAA', ''],
      [''],
      [],
      ['AAAA', '=AAAA'],
    ]) {
      expect(decodeArmorLines(lines, 'optional')).toEqual(expect.any(String));
    }
    expect(decodeArmorLines(['AAAA'], 'required')).toEqual(expect.any(String));
    for (const size of [1, 2, 3, 47, 48, 49, 1000]) {
      const bytes = Buffer.alloc(size, 0xa5);
      const lines = encodeArmor('SIGNATURE', bytes).split('\n').slice(2, -2);
      expect(decodeArmorLines(lines, 'required')).toEqual(bytes);
      expect(lines.every((line) => line.length <= 64)).toBe(true);
    }
  });
});

describe('a clear-signed document', () => {
  it('is split into its parts', () => {
    const parsed = parseClearSigned(document);
    expect(parsed).toMatchObject({ ok: true, text: manifestText, hashHeader: 'SHA512' });
    expect(parsed.ok && parsed.signatureArmor).toBe(document.slice(document.indexOf(signatureStart)));
    expect(parseClearSigned(Buffer.from(document))).toEqual(parsed);
  });

  it('may lack its final newline and have the Version line of gpg before 2.1', () => {
    expect(codeOf(document.slice(0, -1))).toBe('ok');
    const versioned = document.replace(
      `${signatureStart}\n`,
      `${signatureStart}\nVersion: GnuPG v2.0.22 (GNU/Linux)\n`,
    );
    expect(codeOf(versioned)).toBe('ok');
  });

  const framingAttacks: readonly [string, string][] = [
    ['text before', `x\n${document}`],
    ['an empty line before', `\n${document}`],
    ['a byte order mark', `\ufeff${document}`],
    ['text after', `${document}x\n`],
    ['an empty line after', `${document}\n`],
    ['text after the end line', document.replace(end, `${end} x`)],
    ['another header before Hash', document.replace('\nHash:', '\nComment: x\nHash:')],
    ['another header after Hash', document.replace('SHA512\n', 'SHA512\nCharset: latin1\n')],
    ['NotDashEscaped', document.replace('SHA512\n', 'SHA512\nNotDashEscaped: yes\n')],
    ['no Hash header', document.replace('Hash: SHA512\n', '')],
    ['two Hash headers', document.replace('Hash: SHA512\n', 'Hash: SHA512\nHash: SHA512\n')],
    ['two algorithms', document.replace('SHA512', 'SHA256,SHA512')],
    ['no empty line after the header', document.replace('SHA512\n\n', 'SHA512\n')],
    ['blanks after the header', document.replace('SHA512\n', 'SHA512 \n')],
    ['two empty lines after the header', document.replace('SHA512\n\n', 'SHA512\n\n\n')],
    ['a dash-escaped line', document.replace('{\n', '- {\n')],
    ['a line with a dash', document.replace('{\n', '-{\n')],
    ['a trailing blank', document.replace('{\n', '{ \n')],
    ['a trailing tab', document.replace(',\n', ',\t\n')],
    ['a trailing blank on the last line', document.replace(`}\n${signatureStart}`, `} \n${signatureStart}`)],
    ['CRLF line ends', document.replaceAll('\n', '\r\n')],
    ['one CRLF', document.replace('{\n', '{\r\n')],
    ['a CR inside', document.replace('{\n', '{\r')],
    ['a NUL', document.replace('{\n', '{\0\n')],
    ['a next-line character', document.replace('{\n', '{\u0085\n')],
    ['leading white space', document.replace('{\n', ' {\n')],
    ['a no-break space in front', document.replace('{\n', '\u00a0{\n')],
    ['an armor line inside of a line', document.replace('{\n', `{ ${signatureStart}x\n`)],
    ['no text', document.replace(manifestText, '')],
    ['a line that gpg cuts', document.replace('gzip', 'g'.repeat(20_000))],
    ['a multi-byte line that gpg cuts', document.replace('gzip', '€'.repeat(7000))],
    ['a lone surrogate', document.replace('gzip', '\ud800')],
    ['no signature', document.slice(0, document.indexOf(signatureStart))],
    ['no end', document.slice(0, document.indexOf(end))],
    ['a header in the signature', document.replace(`${signatureStart}\n`, `${signatureStart}\nComment: x\n`)],
    [
      'a second begin line in a Version line',
      document.replace(`${signatureStart}\n`, `${signatureStart}\nVersion: GnuPG v2 ${signatureStart}\n`),
    ],
    ['no checksum', document.replace(/\n=[^\n]{4}\n/, '\n')],
    ['a wrong checksum', document.replace(/\n=[^\n]{4}\n/, '\n=AAAA\n')],
    ['a line that is not base64', document.replace(/(\n\n[A-Za-z0-9+/]{60})[A-Za-z0-9+/]/, '$1*')],
    ['a blank in the base64', document.replace(/(SIGNATURE-----\n\n[A-Za-z0-9+/]{10})/, '$1 ')],
    ['an empty line in the base64', document.replace(/\n=([^\n]{4})\n/, '\n\n=$1\n')],
  ];
  it.each(framingAttacks)('is malformed with %s', (_, attacked) => {
    expect(attacked).not.toBe(document);
    expect(codeOf(attacked)).toBe('signature-malformed');
  });

  it('has exactly one signature', () => {
    expect(codeOf(document + document)).toBe('signature-multiple');
    expect(codeOf(document + document.slice(document.indexOf(signatureStart)))).toBe('signature-multiple');
    const nested = document.replace(manifestText, document.trimEnd());
    expect(codeOf(nested)).toMatch(/^signature-(malformed|multiple)$/);
  });

  it('is unsigned only without any trace of a signature', () => {
    expect(codeOf(manifestText)).toBe('unsigned');
    expect(codeOf(document.replace(start, `-${start}`))).toBe('signature-malformed');
    expect(codeOf(document.toLowerCase())).toBe('unsigned');
  });

  it('I8: is limited to 1 MiB of valid UTF-8', () => {
    expect(codeOf(`${start}\n${'x'.repeat(2 ** 20)}`)).toBe('document-too-large');
    expect(codeOf(`${start}\n${'€'.repeat(2 ** 19)}`)).toBe('document-too-large');
    expect(codeOf(new Uint8Array(2 ** 20 + 1))).toBe('document-too-large');
    expect(codeOf(Buffer.concat([Buffer.from(document.slice(0, 60)), Buffer.from([0xc3, 0x28])]))).toBe(
      'signature-malformed',
    );
  });

  it('I8: holds only a whole signature packet of limited size', () => {
    const packets: readonly [string, Uint8Array][] = [
      ['nothing', new Uint8Array(0)],
      ['no packet', new Uint8Array([1, 2, 3])],
      ['a public key', Buffer.from('c60104', 'hex')],
      ['a packet longer than the block', Buffer.from('c2ff7fffffff04', 'hex')],
      ['a partial length', Buffer.from('c2e00404', 'hex')],
      ['an indeterminate length', Buffer.from('8b04', 'hex')],
      ['a signature and a literal packet', Buffer.from('c20104cb0104', 'hex')],
      ['a signature and garbage', Buffer.from('c2010400', 'hex')],
      ['a huge packet', Buffer.concat([Buffer.from('c2ff0000c350', 'hex'), Buffer.alloc(50_000)])],
    ];
    for (const [, packet] of packets) expect(codeOf(documentOf(packet))).toBe('signature-malformed');
  });
});
