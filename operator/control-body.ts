import type { Readable } from 'node:stream';
import type { Clock } from '../proxy/base/clock.ts';

export type JsonBody =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

/** `proxy/contract/identity.ts`: at most 64 KiB. */
export const MAX_BODY_BYTES = 64 * 1024;
const BODY_MS = 5_000;

/** Reads a JSON body, bounded in size and time. Never rejects. */
export function readJsonBody(stream: Readable, clock: Clock): Promise<JsonBody> {
  const { promise, resolve } = Promise.withResolvers<JsonBody>();
  const chunks: Buffer[] = [];
  let size = 0;
  const refuse = (message: string): void => {
    chunks.length = 0;
    resolve({ ok: false, message });
  };
  const timer = clock.after(BODY_MS, () => refuse(`the body did not arrive within ${BODY_MS} ms`));
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) refuse(`the body is larger than ${MAX_BODY_BYTES} bytes`);
    else chunks.push(chunk);
  });
  stream.on('end', () => resolve(parse(Buffer.concat(chunks))));
  stream.on('close', () => refuse('the connection closed before the body was complete'));
  return promise.finally(() => timer.clear());
}

function parse(bytes: Buffer): JsonBody {
  try {
    return { ok: true, value: JSON.parse(bytes.toString('utf8')) };
  } catch {
    return { ok: false, message: 'the body is not JSON' };
  }
}
