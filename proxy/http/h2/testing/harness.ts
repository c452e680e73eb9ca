import { FakeClock } from '../../../base/testing/fake-clock.ts';
import { ScriptedTransport } from '../../../base/testing/scripted-transport.ts';
import { FRAME, PREFACE } from '../codes.ts';
import { HpackDecoder } from '../hpack-decoder.ts';
import { HpackEncoder, hpackBound } from '../hpack-encoder.ts';
import { Session } from '../session.ts';
import {
  type Goaway,
  MESH_LIMITS,
  type SessionEnd,
  type SessionHandler,
  type SessionLimits,
} from '../session-options.ts';
import type { Stream, StreamEnd, StreamReceiver } from '../stream.ts';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, id: number, payload: Uint8Array | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, body]);
}

export function settings(...pairs: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  pairs.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  });
  return frame(FRAME.settings, 0, 0, payload);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function block(...list: string[]): Buffer {
  const bytes = Buffer.alloc(hpackBound(list));
  return bytes.subarray(0, new HpackEncoder().encode(list, bytes, 0));
}

export const GET: readonly string[] = [':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/'];

/** HEADERS with END_HEADERS; `end`: END_STREAM. */
export function headers(id: number, end: boolean, list: readonly string[] = GET): Buffer {
  return frame(FRAME.headers, 4 | (end ? 1 : 0), id, block(...list));
}

export function parseFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    frames.push({
      type: bytes[at + 3]!,
      flags: bytes[at + 4]!,
      id: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, end),
    });
    at = end;
  }
  return frames;
}

export function decodeBlock(payload: Buffer): string[] {
  const list: string[] = [];
  new HpackDecoder({ tableBytes: 4_096, maxListBytes: 1 << 20 }).decode(payload, 0, payload.length, list);
  return list;
}

/** A stream's receiver that notes what it hears. */
export class Ear implements StreamReceiver {
  readonly events: string[] = [];
  readonly heads: string[][] = [];
  bytes = Buffer.alloc(0);
  reset: StreamEnd | undefined;
  /** Called within `onHeaders`. */
  react: ((list: string[], end: boolean) => void) | undefined;

  onHeaders(list: string[], end: boolean): void {
    this.events.push(end ? 'headers+end' : 'headers');
    this.heads.push(list);
    this.react?.(list, end);
  }
  onData(buffer: Buffer, start: number, end: number): void {
    this.events.push('data');
    this.bytes = Buffer.concat([this.bytes, buffer.subarray(start, end)]);
  }
  onEnd(): void {
    this.events.push('end');
  }
  onDrain(): void {
    this.events.push('drain');
  }
  onReset(end: StreamEnd): void {
    this.events.push('reset');
    this.reset = end;
  }
}

/** A session whose peer is played by the test. */
export class Harness implements SessionHandler {
  readonly clock = new FakeClock();
  readonly transport = new ScriptedTransport();
  readonly session: Session;
  readonly streams: Stream[] = [];
  readonly ears: Ear[] = [];
  readonly goaways: Goaway[] = [];
  readonly ends: SessionEnd[] = [];
  readonly unknown: number[] = [];
  settings: ReadonlyMap<number, number> | undefined;
  idles = 0;
  onNew: ((stream: Stream, ear: Ear) => void) | undefined;
  #tasks: (() => void)[] = [];

  constructor(role: 'client' | 'server', limits: Partial<SessionLimits> = {}, keepalive = false) {
    this.session = new Session(
      this.transport,
      {
        role,
        clock: this.clock,
        limits: { ...MESH_LIMITS, ...limits },
        peer: 'the peer',
        defer: (task) => void this.#tasks.push(task),
        ...(keepalive ? { keepalive: { intervalMs: 10_000, timeoutMs: 3_000 } } : {}),
      },
      this,
    );
    this.session.start();
  }

  /** A session past the exchange of SETTINGS, with what it sent forgotten. */
  static ready(
    role: 'client' | 'server',
    limits: Partial<SessionLimits> = {},
    peer: readonly (readonly [number, number])[] = [],
  ): Harness {
    const harness = new Harness(role, limits);
    harness.deliver(...(role === 'server' ? [PREFACE] : []), settings(...peer));
    harness.sent();
    return harness;
  }

  deliver(...pieces: readonly Uint8Array[]): this {
    for (const piece of pieces) this.transport.deliver(piece);
    return this;
  }

  /** Ends the turn: deferred writes happen. */
  turn(): this {
    for (let tasks = this.#tasks; tasks.length > 0; tasks = this.#tasks) {
      this.#tasks = [];
      for (const task of tasks) task();
    }
    return this;
  }

  /** What was sent since the last call. */
  sent(): Frame[] {
    this.turn();
    return parseFrames(this.transport.take());
  }

  open(list: readonly string[] = GET, end = true): { stream: Stream; ear: Ear } {
    const ear = new Ear();
    return { stream: this.session.open(list, end, ear), ear };
  }

  /** The error that the session told its peer, as `[last stream, code, debug]`. */
  goaway(): [number, number, string] | undefined {
    const sent = this.sent().find((each) => each.type === FRAME.goaway);
    if (sent === undefined) return undefined;
    return [sent.payload.readUInt32BE(0), sent.payload.readUInt32BE(4), sent.payload.toString('latin1', 8)];
  }

  onStream(stream: Stream): void {
    const ear = new Ear();
    stream.receiver = ear;
    this.streams.push(stream);
    this.ears.push(ear);
    this.onNew?.(stream, ear);
  }
  onSettings(values: ReadonlyMap<number, number>): void {
    this.settings = values;
  }
  onGoaway(goaway: Goaway): void {
    this.goaways.push(goaway);
  }
  onUnknownFrame(type: number): void {
    this.unknown.push(type);
  }
  onIdle(): void {
    this.idles++;
  }
  onClose(end: SessionEnd): void {
    this.ends.push(end);
  }
}
