import { randomBytes } from 'node:crypto';
import type { WriteOptions } from '@slipway/core';

const maxTokens = 32;
const maxRemembered = 256;

/**
 * Tells which writes led to an object. A write on a condition gets a token, kept in the object's metadata with those of the writes
 * that it replaced. So a writer whose answer was lost finds out what became of it: its token is in what is there now, also
 * after others have built on it, or its write was none.
 */
export class WriteHistory {
  /** By ETag: what a compare-and-swap names as what it replaces. */
  readonly #tokens = new Map<string, readonly string[]>();

  /** Takes note of an object that was seen. */
  remember(etag: string | undefined, header: unknown): void {
    const tokens = tokensOf(header);
    if (etag === undefined || tokens.length === 0) return;
    this.#tokens.delete(etag);
    this.#tokens.set(etag, tokens);
    const oldest = this.#tokens.keys().next();
    if (this.#tokens.size > maxRemembered && oldest.done !== true) this.#tokens.delete(oldest.value);
  }

  /** The metadata of a write on `condition`: its own token, and those before it. Undefined for a write without one. */
  headerFor(token: string | undefined, condition: WriteOptions['condition']): string | undefined {
    if (token === undefined) return undefined;
    const before = typeof condition === 'object' ? (this.#tokens.get(condition.etag) ?? []) : [];
    return [token, ...before].slice(0, maxTokens).join(' ');
  }
}

/** A token that no other write has. */
export function newWriteToken(): string {
  return randomBytes(12).toString('base64url');
}

/** The tokens of a header, newest first; none when it is no list of them. */
export function tokensOf(header: unknown): readonly string[] {
  return typeof header === 'string' && /^[\w-]{16}( [\w-]{16}){0,31}$/.test(header) ? header.split(' ') : [];
}
