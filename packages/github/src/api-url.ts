import { parseBaseUrl } from '@slipway/core';

export const publicApiUrl = 'https://api.github.com';

/** The URL of a REST API: `https://api.github.com`, or `https://HOST/api/v3` on GitHub Enterprise Server. */
export function parseApiUrl(text: string): string {
  return parseBaseUrl(text);
}
