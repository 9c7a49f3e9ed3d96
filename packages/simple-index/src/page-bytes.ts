import { gzipSync } from 'node:zlib';

/** Content types of pages. HTML has the one that browsers show; pip and uv take it as well. */
export const pageContentTypes = {
  html: 'text/html; charset=utf-8',
  json: 'application/vnd.pypi.simple.v1+json',
} as const;

/** In the header of gzip: the system that packed it. */
const systemOffset = 9;
const unknownSystem = 255;

/**
 * A page packed with gzip, for `Content-Encoding: gzip`: without time or system in its header, so one version of Node gives the same
 * bytes for the same page. Other versions may pack otherwise: compare pages before packing.
 */
export function gzipPage(page: Uint8Array): Uint8Array {
  const packed = gzipSync(page, { level: 9 });
  packed[systemOffset] = unknownSystem;
  return packed;
}
