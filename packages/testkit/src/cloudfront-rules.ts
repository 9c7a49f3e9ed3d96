import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { escapeXml, toXml } from './smithy-xml.ts';

/** The namespace of CloudFront's documents, in the SDK's version of its API. */
export const cloudFrontNamespace = 'http://cloudfront.amazonaws.com/doc/2020-05-31/';
const declaration = '<?xml version="1.0"?>\n';
const maxPathCharacters = 4000;

/** Whether a request has the headers of Signature Version 4 for CloudFront. */
export function isSigned({ headers }: IncomingMessage): boolean {
  const signed =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[a-z0-9-]+\/cloudfront\/aws4_request, SignedHeaders=[^,]*host[^,]*, Signature=[0-9a-f]{64}$/;
  return (
    signed.test(headers.authorization ?? '') && /^\d{8}T\d{6}Z$/.test(String(headers['x-amz-date'] ?? ''))
  );
}

/** RFC 1738's unsafe characters are refused unless they are encoded, `~` among them. */
export function isValidPath(path: string): boolean {
  if (path.startsWith('#')) return /^#[\x21-\x2b\x2d-\x7e]{1,256}$/.test(path);
  return path.length <= maxPathCharacters && /^\/(?:[\w.+!*'(),;/?:@=&$-]|%[0-9a-f]{2})*$/i.test(path);
}

/** Whether CloudFront counts a path as a wildcard. */
export function isWildcardPath(path: string): boolean {
  return path.startsWith('/') && path.endsWith('*');
}

export interface Reply {
  readonly status: number;
  readonly body: string;
}

/** A document as the schema of the service has it. */
export function answered(status: number, name: string, value: unknown, schema: unknown): Reply {
  return { status, body: `${declaration}${toXml(name, value, schema, cloudFrontNamespace)}` };
}

/** An error as CloudFront's REST-XML protocol writes it. */
export function refused(status: number, code: string, message: string): Reply {
  const type = status >= 500 ? 'Receiver' : 'Sender';
  const error = `<Error><Type>${type}</Type><Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message></Error>`;
  const request = `<RequestId>${randomUUID()}</RequestId>`;
  return {
    status,
    body: `${declaration}<ErrorResponse xmlns="${cloudFrontNamespace}">${error}${request}</ErrorResponse>`,
  };
}
