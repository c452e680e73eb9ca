import { nodeHttp2 } from '../base/builtin.ts';
import type { Clock } from '../base/clock.ts';
import { HeddleError } from '../base/errors.ts';
import { decodeOperatorMessage, describeDecodeErrors, type OperatorEnvelope } from '../contract/decode.ts';
import { type ProxyMessage, STREAM_PATH } from '../contract/stream.ts';
import { connectOperator } from '../identity/identity.ts';
import type { Credentials } from '../tls/credentials.ts';
import { encodeFrame, FrameReader } from './frames.ts';

/** An open configuration stream. */
export interface Link {
  send(message: ProxyMessage): void;
  close(): void;
}

export interface LinkEvents {
  onMessage(message: OperatorEnvelope): void;
  /** After every piece of network input, when its messages were handled. */
  onBatchEnd(): void;
  /** Always the last call, exactly once. */
  onClose(error: Error | undefined): void;
}

/** Opens a stream to `target`. Rejects with `HeddleError`. Tests script it. */
export type OpenLink = (target: string, credentials: Credentials, events: LinkEvents) => Promise<Link>;

export interface LinkOptions {
  readonly operatorIdentity: string;
  readonly clock: Clock;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5_000;
/** An operator that does not read is left: what a proxy has to say is small. */
const MAX_UNSENT_BYTES = 4 * 1_048_576;

/** Streams over HTTP/2 and mutual TLS, the operator's SPIFFE id verified. */
export function createOpenLink(options: LinkOptions): OpenLink {
  return async (target, credentials, events) => {
    const { constants } = nodeHttp2();
    const session = await connectOperator({
      target,
      rootsPem: credentials.rootsPem,
      operatorIdentity: options.operatorIdentity,
      credentials,
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      clock: options.clock,
    });
    const stream = session.request(
      {
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: STREAM_PATH,
        [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/json',
      },
      { endStream: false },
    );
    const reader = new FrameReader();
    let error: Error | undefined;
    let closed = false;
    const fail = (cause: Error): void => {
      error ??= cause;
      stream.close(constants.NGHTTP2_CANCEL);
      session.destroy();
    };
    stream.on('response', (headers) => {
      const status = headers[':status'] ?? 0;
      if (status !== 200)
        fail(new HeddleError('stream', `the operator answered ${status}`, { where: { operator: target } }));
    });
    stream.on('data', (chunk: Buffer) => {
      if (closed || error !== undefined) return;
      try {
        reader.push(chunk, (message) => {
          if (error === undefined && !closed) take(message, events);
        });
      } catch (cause) {
        if (!(cause instanceof HeddleError)) throw cause;
        fail(cause);
        return;
      }
      events.onBatchEnd();
    });
    stream.on('error', (cause: Error) => {
      error ??= cause;
    });
    session.on('error', (cause: Error) => {
      error ??= cause;
    });
    stream.on('end', () => stream.end());
    stream.once('close', () => {
      closed = true;
      session.destroy();
      events.onClose(error);
    });
    return {
      send(message) {
        if (closed || stream.destroyed) return;
        stream.write(encodeFrame(message));
        if (stream.writableLength > MAX_UNSENT_BYTES) fail(new HeddleError('stream', 'the operator does not read'));
      },
      close() {
        stream.end();
        session.close();
        // A peer that never answers would keep the session.
        options.clock.after(TIMEOUT_MS, () => session.destroy());
      },
    };
  };
}

function take(message: unknown, events: LinkEvents): void {
  const decoded = decodeOperatorMessage(message);
  if (!decoded.ok) {
    throw new HeddleError('stream', `a message is not valid: ${describeDecodeErrors(decoded.errors)}`);
  }
  // A type that this version does not know.
  if (decoded.value !== undefined) events.onMessage(decoded.value);
}
