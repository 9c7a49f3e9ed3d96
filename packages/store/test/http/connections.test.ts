import { RemoteError, UserError } from '@slipway/core';
import { expect, test } from 'vitest';
import { HttpConnections, type OutgoingRequest } from '../../src/http/connections.ts';

const request: OutgoingRequest = {
  secure: false,
  hostname: '127.0.0.1',
  port: 1,
  path: '/',
  method: 'PUT',
  headers: {},
  what: 'PUT "key"',
};

function open(proxyEnvironment: Readonly<Record<string, string>> = {}): HttpConnections {
  return new HttpConnections({ idleMs: 1_000, maxConnections: 1, proxyEnvironment });
}

test('an ETag of a server that no header can carry is a refusal, and no bug of ours', async () => {
  const sent = open().send({ ...request, headers: { 'if-match': '"a\nb"' } });
  await expect(sent).rejects.toThrow(RemoteError);
  await expect(sent).rejects.toThrow(
    'PUT "key": what a server gave cannot be sent back to it (Invalid character in header content ["if-match"])',
  );
});

test('I7: a proxy with a line end in it is refused by the name of its variable, without its password', async () => {
  const sent = open({ http_proxy: 'http://user:hunter2@127.0.0.1:1/\nx' }).send(request);
  await expect(sent).rejects.toThrow(UserError);
  await expect(sent).rejects.toThrow(/^the variable http_proxy cannot be used(?!.*hunter2)/);
});
