/** A name or value for a query or path segment: all but RFC 3986's unreserved characters percent-encoded. */
export function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A key in the path of a URL. Stricter than `encodeURIComponent`, since CDNs take a `*` in a path for a wildcard. */
export function encodeKey(key: string): string {
  return key.split('/').map(encodeStrictly).join('/');
}

/** A path or URL without the slashes at its end, in time that grows with their number alone. */
export function withoutTrailingSlashes(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') end -= 1;
  return text.slice(0, end);
}
