import type { ClientHttp2Session } from 'node:http2';
import { nodeHttp2 } from '../base/builtin.ts';
import type { Clock } from '../base/clock.ts';
import { HeddleError } from '../base/errors.ts';
import { decodeCertificateRefusal, decodeCertificateResponse, describeDecodeErrors } from '../contract/decode.ts';
import { CERTIFICATE_PATH, type CertificateRequest, type CertificateResponse } from '../contract/identity.ts';
import { connectOperator } from './operator-connection.ts';

export interface CertificateExchange {
  readonly target: string;
  readonly rootsPem: string;
  readonly operatorIdentity: string;
  readonly clock: Clock;
  /** For the whole exchange; default 10 s. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
const MAX_RESPONSE_BYTES = 2 * 1_048_576;

/**
 * One certificate request on a connection of its own: the token is only sent after the operator proved its identity.
 * Rejects with code `operator` (not reached, broken answer) or `certificate_refused` (`where.reason` holds the operator's reason).
 */
export async function requestCertificate(
  request: CertificateRequest,
  options: CertificateExchange,
): Promise<CertificateResponse> {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const session = await connectOperator({ ...options, timeoutMs });
  try {
    const { status, body } = await post(session, JSON.stringify(request), timeoutMs, options.clock);
    return status === 200 ? readResponse(body, options.target) : refuse(status, body, options.target);
  } finally {
    session.destroy();
  }
}

function post(
  session: ClientHttp2Session,
  body: string,
  timeoutMs: number,
  clock: Clock,
): Promise<{ status: number; body: string }> {
  const { constants } = nodeHttp2();
  return new Promise((resolve, reject) => {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: CERTIFICATE_PATH,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/json',
    });
    const chunks: Buffer[] = [];
    let size = 0;
    let status = 0;
    const fail = (why: string, cause?: unknown): void => {
      timer.clear();
      stream.close(constants.NGHTTP2_CANCEL);
      reject(
        new HeddleError('operator', `the certificate request failed: ${why}`, cause === undefined ? {} : { cause }),
      );
    };
    const timer = clock.after(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
    stream.on('response', (headers) => {
      status = headers[':status'] ?? 0;
    });
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_RESPONSE_BYTES) fail(`the answer is larger than ${MAX_RESPONSE_BYTES} bytes`);
      else chunks.push(chunk);
    });
    stream.on('error', (error) => fail('the connection broke', error));
    stream.on('close', () => fail('the connection closed before the answer was complete'));
    stream.on('end', () => {
      if (status === 0) return;
      timer.clear();
      resolve({ status, body: Buffer.concat(chunks).toString('utf8') });
    });
    stream.end(body);
  });
}

function readResponse(body: string, target: string): CertificateResponse {
  const decoded = decodeCertificateResponse(parse(body));
  if (decoded.ok) return decoded.value;
  throw new HeddleError('operator', `the certificate response is not valid: ${describeDecodeErrors(decoded.errors)}`, {
    where: { operator: target },
  });
}

function refuse(status: number, body: string, target: string): never {
  const decoded = decodeCertificateRefusal(parse(body));
  const refusal = decoded.ok
    ? decoded.value
    : { reason: `Http${status}`, message: `answer ${status} without a reason` };
  throw new HeddleError('certificate_refused', `the operator refused the certificate: ${refusal.message}`, {
    where: { operator: target, reason: refusal.reason, status },
  });
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
