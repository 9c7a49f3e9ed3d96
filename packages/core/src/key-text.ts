/** What was given as a key, without what people and tools wrap around one. */
export type KeyText =
  /** Has armored blocks (PGP or PEM), with each first and last line on a line of its own. */
  | { readonly kind: 'armored'; readonly text: string }
  /** Base64 of something that is not text: the key itself. */
  | { readonly kind: 'binary'; readonly bytes: Uint8Array }
  | { readonly kind: 'other'; readonly text: string };

const maxCharacters = 2 ** 20;
const maxBase64Layers = 3;
const lineCharacters = 64;
/** The minimum key size, so that no word, password or fingerprint is mistaken for base64 of one. */
const minBase64Characters = 128;
/** Shorter than any full line of base64 and longer than words, so that prose is never mistaken for base64. */
const minLineCharacters = 32;

const frame = /-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----/g;
const header = /^[A-Za-z][A-Za-z0-9-]*: /;
const base64Line = /^[A-Za-z0-9+/]{1,76}={0,2}$|^=[A-Za-z0-9+/]{4}$/;
/** Line breaks as written into variables, and as JSON and a shell escape them again. */
const escapedBreaks = /\\{1,4}(?:r\\{1,4}n|[nr])/g;

/**
 * Reads a key from a text that was copied, pasted, escaped or encoded on its way: `\n` for line breaks, line breaks turned into
 * blanks or lost, indents, no-break spaces, CRLF, a byte order mark, UTF-16 read as UTF-8, surrounding quotes, and base64 of any of
 * these, up to three times. Keeps text around armored blocks, and line numbers where no block needed repair. Does not check whether
 * a block holds a key. Returns a text of more than 1 MiB unchanged. Time is linear in the size of the text. `prepare` gets the text
 * and each text decoded from base64 before blocks are searched, and returns the text to use.
 */
export function readKeyText(source: string, prepare: (text: string) => string = (text) => text): KeyText {
  return layersOf(source, prepare).at(-1) ?? { kind: 'other', text: source };
}

/**
 * Other forms of a secret key that a program reading it with `readKeyText` may print: each layer of base64, and the key
 * split into lines. Empty for a secret without other forms.
 */
export function keyTextForms(source: string): readonly string[] {
  const forms = layersOf(source).map((layer) =>
    layer.kind === 'binary' ? reflow(Buffer.from(layer.bytes).toString('base64')).join('\n') : layer.text,
  );
  return [...new Set(forms)].filter((form) => form !== source);
}

/** The only PEM block in a text, in the form OpenSSL reads; undefined unless there is exactly one. */
export function onlyPemBlock(text: string): { readonly label: string; readonly pem: string } | undefined {
  const [first, second, more] = [...text.matchAll(frame)];
  if (first?.[1] !== 'BEGIN' || second?.[1] !== 'END' || first[2] !== second[2] || more) return undefined;
  const label = first[2] ?? '';
  const lines = text.slice(first.index + first[0].length, second.index).split('\n');
  const headers = lines.filter((line) => header.test(line));
  const body = lines.filter((line) => line !== '' && !header.test(line));
  const parts = headers.length === 0 ? body : [...headers, '', ...body];
  return { label, pem: [first[0], ...parts, second[0], ''].join('\n') };
}

/** The cleaned text, then what its base64 contained, and so on. The last one is the intended key. */
function layersOf(source: string, prepare: (text: string) => string = (text) => text): readonly KeyText[] {
  if (source.length > maxCharacters) return [];
  const layers: KeyText[] = [];
  let text = prepare(cleaned(source));
  for (;;) {
    const armored = straightened(text);
    if (armored !== undefined) return [...layers, { kind: 'armored', text: armored }];
    layers.push({ kind: 'other', text });
    const bytes = layers.length > maxBase64Layers ? undefined : decodeBase64(text);
    if (bytes === undefined) return layers;
    const inner = decodeText(bytes);
    if (inner === undefined) return [...layers, { kind: 'binary', bytes }];
    text = prepare(cleaned(inner));
  }
}

/** Removes invisible characters and surrounding quotes, and normalises blanks and line ends. */
function cleaned(source: string): string {
  // UTF-16 that was read as UTF-8 has a NUL in every character, and its byte order mark is unreadable.
  const isUtf16 = source.split('\0').length > source.length / 3;
  const visible = isUtf16 ? source.replaceAll('\0', '').replaceAll('\ufffd', ' ') : source;
  const text = visible
    .replace(/[\ufeff\u200b-\u200d\u2060]/g, '')
    .replace(/[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, ' ')
    .replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n');
  const trimmed = text.trim();
  const [quote = ''] = trimmed;
  const isQuoted = trimmed.length > 1 && `"'\``.includes(quote) && trimmed.endsWith(quote);
  const bare = isQuoted ? trimmed.slice(1, -1) : text;
  return bare.trim().includes('\n') ? bare : bare.replace(escapedBreaks, '\n');
}

/** The text with each armored block on lines of its own; undefined if it has none. */
function straightened(text: string): string | undefined {
  let straight = '';
  let open: { readonly label: string; readonly start: number; readonly bodyStart: number } | undefined;
  let hasBegun = false;
  let copied = 0;
  for (const match of text.matchAll(frame)) {
    const [marker, edge, label = ''] = match;
    const end = match.index + marker.length;
    if (edge === 'BEGIN') {
      hasBegun = true;
      open = { label, start: match.index, bodyStart: end };
      continue;
    }
    if (open?.label === label) {
      const before = withoutFinalBlanks(text.slice(copied, open.start));
      straight += before === '' || before.endsWith('\n') ? before : `${before}\n`;
      const body = bodyLines(text.slice(open.bodyStart, match.index)).join('\n');
      straight += `-----BEGIN ${label}-----${body}${marker}`;
      const [breaks = ''] = /^(?:\\{1,4}(?:r\\{1,4}n|[nr])){1,8}/.exec(text.slice(end, end + 80)) ?? [];
      copied = end + breaks.length;
      if (!/^ {0,80}(?:\n|$)/.test(text.slice(copied, copied + 81))) straight += '\n';
    }
    open = undefined;
  }
  return hasBegun ? straight + text.slice(copied) : undefined;
}

function withoutFinalBlanks(text: string): string {
  let end = text.length;
  while (text[end - 1] === ' ') end -= 1;
  return text.slice(0, end);
}

/**
 * The lines between the frame lines, from the end of the first to the beginning of the last: without indents if the line
 * breaks are intact, rebuilt if they were escaped or lost.
 */
function bodyLines(body: string): readonly string[] {
  const lines = body.split('\n').map((line) => line.trim());
  if (lines.at(0) === '' && lines.at(-1) === '' && lines.length > 2 && areWhole(lines)) return lines;
  const expanded = body
    .replace(escapedBreaks, '\n')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const headers = expanded.filter((line) => header.test(line));
  if (areWhole(expanded) && expanded.length > headers.length + 1) {
    return ['', ...headers, '', ...expanded.slice(headers.length), ''];
  }
  const rejoined = rejoin(expanded.join(' ').split(' '));
  return rejoined === undefined ? ['', ...expanded, ''] : ['', '', ...rejoined, ''];
}

/** Whether the lines are headers followed by lines of base64, as armor has them. */
function areWhole(lines: readonly string[]): boolean {
  const firstOfBody = lines.findIndex((line) => line !== '' && !header.test(line));
  return firstOfBody !== -1 && lines.slice(firstOfBody).every((line) => line === '' || base64Line.test(line));
}

/** Rebuilds lines of base64 from a single line. Drops the headers, which say nothing about the key. */
function rejoin(words: readonly string[]): readonly string[] | undefined {
  const start = words.findIndex(
    (word) => word.length >= minLineCharacters && /^[A-Za-z0-9+/]+={0,3}(?:[A-Za-z0-9+/]{4})?$/.test(word),
  );
  if (start === -1) return undefined;
  // A header says that a PEM has a passphrase; dropping it would hide that.
  const isEncrypted = words.slice(0, start).some((word) => word.includes('ENCRYPTED'));
  const [, base64, checksum] =
    /^([A-Za-z0-9+/]+={0,2})(=[A-Za-z0-9+/]{4})?$/.exec(words.slice(start).join('')) ?? [];
  if (base64 === undefined) return undefined;
  return [
    ...(isEncrypted ? ['Proc-Type: 4,ENCRYPTED', ''] : []),
    ...reflow(base64),
    ...(checksum === undefined ? [] : [checksum]),
  ];
}

function reflow(base64: string): readonly string[] {
  const lines: string[] = [];
  for (let start = 0; start < base64.length; start += lineCharacters) {
    lines.push(base64.slice(start, start + lineCharacters));
  }
  return lines;
}

function decodeBase64(text: string): Uint8Array | undefined {
  const words = text
    .replace(escapedBreaks, '\n')
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.slice(0, -1).some((word) => word.length < minLineCharacters)) return undefined;
  const base64 = words.join('');
  if (base64.length < minBase64Characters || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(base64)) return undefined;
  // Consecutive fingerprints are hexadecimal digits.
  return /^[0-9A-Fa-f]+$/.test(base64) ? undefined : new Uint8Array(Buffer.from(base64, 'base64'));
}

/** Bytes decoded as UTF-8 or UTF-16; undefined if they are not text. */
function decodeText(bytes: Uint8Array): string | undefined {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  try {
    const text = new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8', { fatal: true }).decode(bytes);
    return /[\u0000-\u0008\u000e-\u001f\u007f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
