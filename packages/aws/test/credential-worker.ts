import { parentPort, workerData } from 'node:worker_threads';
import { credentialsFromPort } from '../src/credential-port.ts';

/** Asks for credentials the requested number of times, and reports what it got. */
const source = credentialsFromPort(workerData.port);
parentPort?.on('message', async (count: number) => {
  const answers = await Promise.allSettled(Array.from({ length: count }, source));
  parentPort?.postMessage(
    answers.map((answer) =>
      answer.status === 'fulfilled'
        ? { accessKeyId: answer.value.accessKeyId }
        : { name: answer.reason.name, code: answer.reason.code, message: answer.reason.message },
    ),
  );
});
