import { nodeHttp2 } from '../base/builtin.ts';
import type { Clock } from '../base/clock.ts';
import { peerName } from '../net/net.ts';
import type { ProbeResult } from './probe-result.ts';

/** `grpc.health.v1.Health/Check`, spoken by hand: one string out, one enum back (grpc/health-checking.md). */
export interface GrpcHealthOptions {
  readonly address: string;
  readonly port: number;
  /** '' asks for the whole server. */
  readonly service: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

const PATH = '/grpc.health.v1.Health/Check';
const SERVING = 1;
const STATUS_NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const MAX_ANSWER_BYTES = 1_024;

/** Plain text, as the kubelet's probe. Rejects when nothing answers. */
export function checkGrpcHealth(options: GrpcHealthOptions): Promise<ProbeResult> {
  const { connect, constants } = nodeHttp2();
  return new Promise((resolve, reject) => {
    const session = connect(`http://${peerName(options.address, options.port)}`);
    const settle = (act: () => void): void => {
      timer.clear();
      session.destroy();
      act();
    };
    const fail = (error: Error): void => settle(() => reject(error));
    const timer = options.clock.after(options.timeoutMs, () =>
      fail(new Error(`no answer within ${options.timeoutMs} ms`)),
    );
    session.on('error', fail);
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: PATH,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
    });
    let grpcStatus: string | undefined;
    const chunks: Buffer[] = [];
    let size = 0;
    const note = (headers: Readonly<Record<string, unknown>>): void => {
      if (headers['grpc-status'] !== undefined) grpcStatus = String(headers['grpc-status']);
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_ANSWER_BYTES) chunks.push(chunk);
      else fail(new Error('the health answer is too large'));
    });
    stream.on('error', fail);
    stream.on('close', () => settle(() => resolve(judge(grpcStatus, Buffer.concat(chunks)))));
    stream.end(encodeRequest(options.service));
  });
}

function judge(grpcStatus: string | undefined, body: Buffer): ProbeResult {
  if (grpcStatus !== '0')
    return { healthy: false, sentence: `the health service answered gRPC status ${grpcStatus ?? 'none'}` };
  const status = decodeStatus(body);
  return { healthy: status === SERVING, sentence: `the application says ${STATUS_NAMES[status] ?? String(status)}` };
}

/** Message head (flag, 4 bytes length), then field 1, type string. */
export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Field 1, type varint, below 128; an empty message is the default 0 (UNKNOWN). Anything else is -1. */
export function decodeStatus(body: Buffer): number {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return -1;
  if (body.length === 5) return 0;
  return body.length === 7 && body[5] === 0x08 && body[6]! < 0x80 ? body[6]! : -1;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
