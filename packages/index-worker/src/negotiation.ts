import type { PageFormat } from '@slipway/simple-index';

/** Media types of pages: PEP 691. */
export const pageTypes = {
  json: 'application/vnd.pypi.simple.v1+json',
  html: 'text/html; charset=utf-8',
} as const;

const maxAcceptCharacters = 2_000;
/** The server's own preference where a client has none: HTML first, as PEP 691 recommends. */
const names: readonly (readonly [PageFormat, readonly string[]])[] = [
  ['html', ['text/html', 'application/vnd.pypi.simple.v1+html', 'application/vnd.pypi.simple.latest+html']],
  ['json', ['application/vnd.pypi.simple.v1+json', 'application/vnd.pypi.simple.latest+json']],
];

/**
 * The formats that a client takes, those that it likes most first: PEP 691 and RFC 9110, section 12.5.1. A type counts more
 * than a range such as `text/*`. Without the header, a client takes everything; one that is too long is taken as missing.
 */
export function acceptedFormats(accept: string | null): readonly PageFormat[] {
  const text =
    accept === null || accept.trim() === '' || accept.length > maxAcceptCharacters ? '*/*' : accept;
  const ranges = new Map<string, number>();
  for (const part of text.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((word) => word.trim().toLowerCase());
    const quality = parameters.find((word) => word.startsWith('q='))?.slice(2) ?? '1';
    const value = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(quality) ? Number(quality) : 0;
    ranges.set(type, Math.max(value, ranges.get(type) ?? 0));
  }
  const qualityOf = (types: readonly string[]): number => {
    const named = types.flatMap((type) => ranges.get(type) ?? []);
    if (named.length > 0) return Math.max(...named);
    const wider = ['text/*', 'application/*'].flatMap((range) =>
      types.some((type) => type.startsWith(range.slice(0, -1))) ? (ranges.get(range) ?? []) : [],
    );
    return wider.length > 0 ? Math.max(...wider) : (ranges.get('*/*') ?? 0);
  };
  return names
    .map(([format, types]) => ({ format, quality: qualityOf(types) }))
    .filter(({ quality }) => quality > 0)
    .sort((one, other) => other.quality - one.quality)
    .map(({ format }) => format);
}
