import { readFileStart } from '@slipway/local-files';

const firstBytes: Readonly<Record<string, string>> = { gzip: '1f8b', zstd: '28b52ffd' };

/** Whether a file begins like this content encoding; true for encodings without magic bytes. Throws file system errors. */
export function isEncoded(path: string, encoding: string | undefined): boolean {
  const wanted = encoding === undefined ? undefined : firstBytes[encoding];
  return wanted === undefined || readFileStart(path, wanted.length / 2).toString('hex') === wanted;
}
