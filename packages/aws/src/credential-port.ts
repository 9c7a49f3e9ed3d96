import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type AwsCredentials, type AwsCredentialsSource, asSlipwayError, RemoteError } from '@slipway/core';

type Question = { readonly kind: 'credentials-wanted'; readonly id: number };
type Answer =
  | { readonly kind: 'credentials'; readonly id: number; readonly credentials: AwsCredentials }
  | {
      readonly kind: 'no-credentials';
      readonly id: number;
      readonly message: string;
      readonly hint?: string | undefined;
    };

/**
 * A port by which another thread asks this thread for credentials, so that tokens are fetched in one place. Put it into the
 * `transferList` of the Worker; it does not keep the process alive, and closes with that thread.
 */
export function credentialPort(source: AwsCredentialsSource): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.on('message', async ({ id }: Question) => {
    port1.postMessage(await answer(source, id));
  });
  port1.unref();
  return port2;
}

async function answer(source: AwsCredentialsSource, id: number): Promise<Answer> {
  try {
    return { kind: 'credentials', id, credentials: await source() };
  } catch (error) {
    const { message, hint } = asSlipwayError(error);
    return { kind: 'no-credentials', id, message, hint };
  }
}

/**
 * The credentials behind a `credentialPort`, requested each time: the other thread caches them. Throws `RemoteError`
 * `credentials-refused` with that thread's message.
 */
export function credentialsFromPort(port: MessagePort): AwsCredentialsSource {
  const waiting = new Map<number, (answer: Answer) => void>();
  let lastId = 0;
  port.on('message', (received: Answer) => {
    waiting.get(received.id)?.(received);
    waiting.delete(received.id);
    if (waiting.size === 0) port.unref();
  });
  port.on('close', () => {
    for (const [id, tell] of waiting) {
      tell({ kind: 'no-credentials', id, message: 'the main thread has ended' });
    }
    waiting.clear();
  });
  port.unref();
  return async () => {
    lastId += 1;
    const id = lastId;
    const reply = new Promise<Answer>((resolve) => void waiting.set(id, resolve));
    port.ref();
    port.postMessage({ kind: 'credentials-wanted', id } satisfies Question);
    const answered = await reply;
    if (answered.kind === 'credentials') return answered.credentials;
    throw new RemoteError('credentials-refused', answered.message, { hint: answered.hint });
  };
}
