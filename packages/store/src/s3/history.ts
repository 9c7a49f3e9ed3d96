import { randomBytes } from 'node:crypto';
import type { WriteOptions } from '@slipway/core';

const maxTokens = 32;
const maxRemembered = 256;

/**
 * Tracks which writes led to an object. A conditional write gets a token, kept in the object's metadata with the tokens of the
 * writes it replaced. A writer whose answer was lost finds its token there if the write succeeded, even if others have built on it.
 */
export class WriteHistory {
  /** By ETag, as compare-and-swap names what it replaces. */
  readonly #tokens = new Map<string, readonly string[]>();

  /** Remembers an object that was read. */
  remember(etag: string | undefined, header: unknown): void {
    const tokens = tokensOf(header);
    if (etag === undefined || tokens.length === 0) return;
    this.#tokens.delete(etag);
    this.#tokens.set(etag, tokens);
    const oldest = this.#tokens.keys().next();
    if (this.#tokens.size > maxRemembered && oldest.done !== true) this.#tokens.delete(oldest.value);
  }

  /** The metadata of a write on `condition`: its own token and the previous ones. Undefined for an unconditional write. */
  headerFor(token: string | undefined, condition: WriteOptions['condition']): string | undefined {
    if (token === undefined) return undefined;
    const before = typeof condition === 'object' ? (this.#tokens.get(condition.etag) ?? []) : [];
    return [token, ...before].slice(0, maxTokens).join(' ');
  }
}

export function newWriteToken(): string {
  return randomBytes(12).toString('base64url');
}

/** The tokens of a header, newest first; empty if it is not a list of them. */
export function tokensOf(header: unknown): readonly string[] {
  return typeof header === 'string' && /^[\w-]{16}( [\w-]{16}){0,31}$/.test(header) ? header.split(' ') : [];
}
