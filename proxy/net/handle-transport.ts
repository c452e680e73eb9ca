import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { Transport, TransportReceiver } from '../base/transport.ts';
import { runTurn } from '../base/turn.ts';
import { lastRead, type StreamHandle, type WriteRequest, writeRequest, wroteLater } from './native.ts';

/** All reads of the process land here: a receiver copies what must stay (contract of `onData`). Size of a read of Node's own streams. */
const READ_BUFFER: Buffer = Buffer.from(new ArrayBuffer(65_536));
/** Unsent bytes above which `write` answers false. */
const HIGH_WATER = 65_536;
/** End of the peer's direction, as libuv says it. */
const UV_EOF = -4_095;

/**
 * A `Transport` over the handle of a socket: reads come without a stream, an event or new memory, and small writes leave without a
 * stream. The socket stays the owner of everything else: half-close, closing, errors and the `close` event are its own. TLS writes go
 * through the socket too: its layer takes one at a time (a second one is an abort of the process), and straight ones showed no gain.
 */
export class HandleTransport implements Transport {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  keepsLent = false;
  readonly #socket: Socket;
  readonly #handle: StreamHandle;
  readonly #plain: boolean;
  #receiver: TransportReceiver | undefined;
  /** Read by the socket, or by its TLS layer, while nobody could take it. */
  #early: Buffer | undefined;
  /** The peer ended its direction: `waiting` until somebody takes it. */
  #peerEnd: 'no' | 'waiting' | 'told' = 'no';
  #reading = false;
  #paused = false;
  #ended = false;
  /** Nothing can be read or written any more; `close` may still have to come. */
  #dead = false;
  #closed = false;
  #error: Error | undefined;
  #request: WriteRequest | undefined;
  #unsent = 0;
  #full = false;

  constructor(socket: Socket, handle: StreamHandle) {
    this.#socket = socket;
    this.#handle = handle;
    this.#plain = !('encrypted' in socket);
    this.remoteAddress = socket.remoteAddress ?? '';
    this.remotePort = socket.remotePort ?? 0;
    this.localAddress = socket.localAddress ?? '';
    this.localPort = socket.localPort ?? 0;
    socket.setNoDelay(true);
    socket.pause();
    if (socket.readableLength > 0) this.#early = (socket.read() as Buffer | null) ?? undefined;
    handle.readStop();
    handle.useUserBuffer(READ_BUFFER);
    handle.onread = () => runTurn(HandleTransport.#onRead, this);
    socket.on('error', (error: Error) => {
      this.#error ??= error;
    });
    if (!this.#plain) socket.on('drain', () => this.#receiver?.onDrain());
    socket.on('close', () => this.#close());
  }

  get receiver(): TransportReceiver | undefined {
    return this.#receiver;
  }

  set receiver(receiver: TransportReceiver | undefined) {
    this.#receiver = receiver;
    if (receiver !== undefined && this.#closed) queueMicrotask(() => receiver.onClose(this.#error));
    else this.#read();
  }

  get pending(): number {
    return this.#plain ? this.#unsent : this.#socket.writableLength;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#ended || this.#dead) return true;
    if (chunk.length === 0) return !this.#full;
    if (!this.#plain) return this.#socket.write(chunk);
    this.#send(chunk);
    this.#full ||= this.#unsent >= HIGH_WATER;
    return !this.#full;
  }

  lend(chunk: Uint8Array): boolean {
    this.keepsLent = false;
    if (this.#ended || this.#dead || chunk.length === 0) return true;
    if (!this.#plain) {
      // OpenSSL has encrypted all of it when the call returns, unless it waits behind an earlier write.
      this.keepsLent = this.#socket.writableLength > 0;
      return this.#socket.write(chunk);
    }
    this.keepsLent = this.#send(chunk);
    this.#full ||= this.keepsLent;
    return !this.#full;
  }

  writeText(text: string): boolean {
    if (this.#ended || this.#dead || text === '') return true;
    if (!this.#plain) return this.#socket.write(text, 'latin1');
    const request = this.#nextRequest();
    const later = this.#written(this.#handle.writeLatin1String(request, text), request, text.length, undefined);
    this.#full ||= later;
    return !later;
  }

  end(): void {
    if (this.#ended || this.#dead) return;
    this.#ended = true;
    this.#socket.end();
  }

  destroy(reset = false): void {
    if (this.#closed) return;
    this.#ended = true;
    this.#dead = true;
    if (reset && this.#plain) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  pause(): void {
    this.#paused = true;
    this.#read();
  }

  resume(): void {
    this.#paused = false;
    this.#read();
  }

  /** Reads as long as somebody takes it. */
  #read(): void {
    const wanted = !this.#paused && this.#receiver !== undefined && this.#peerEnd !== 'told' && this.#open;
    if (wanted === this.#reading) return;
    this.#reading = wanted;
    if (!wanted) {
      if (this.#open) this.#handle.readStop();
    } else if (this.#early !== undefined || this.#peerEnd === 'waiting') {
      // Not inside the call that resumed.
      queueMicrotask(() => this.#deliverEarly());
    } else {
      this.#handle.readStart();
    }
  }

  get #open(): boolean {
    return !this.#dead && !this.#socket.destroyed;
  }

  #deliverEarly(): void {
    const early = this.#early;
    if (!this.#reading || !this.#open) return;
    this.#early = undefined;
    if (early !== undefined) this.#receiver?.onData(early, 0, early.length);
    if (!this.#reading || !this.#open) return;
    if (this.#peerEnd === 'waiting') this.#tellEnd();
    else this.#handle.readStart();
  }

  static #onRead(transport: HandleTransport): void {
    transport.#take(lastRead());
  }

  #take(bytes: number): void {
    const receiver = this.#reading && this.#early === undefined ? this.#receiver : undefined;
    if (bytes > 0) {
      if (receiver !== undefined) receiver.onData(READ_BUFFER, 0, bytes);
      else if (this.#open) this.#keep(bytes);
    } else if (bytes === UV_EOF) {
      this.#peerEnd = 'waiting';
      if (receiver !== undefined) this.#tellEnd();
    } else if (bytes < 0) {
      this.#fail('read', bytes);
    }
  }

  /** What the TLS layer had decrypted already when reading was stopped: at most one record. */
  #keep(bytes: number): void {
    const piece = Buffer.from(READ_BUFFER.subarray(0, bytes));
    this.#early = this.#early === undefined ? piece : Buffer.concat([this.#early, piece]);
  }

  /** The socket is told as well: it closes by itself once both directions are ended. */
  #tellEnd(): void {
    this.#peerEnd = 'told';
    this.#reading = false;
    this.#socket.push(null);
    this.#socket.resume();
    this.#receiver?.onEnd();
  }

  #send(chunk: Uint8Array): boolean {
    const request = this.#nextRequest();
    return this.#written(this.#handle.writeBuffer(request, chunk), request, chunk.length, chunk);
  }

  #nextRequest(): WriteRequest {
    this.#request ??= writeRequest();
    return this.#request;
  }

  /** Answers whether bytes are left that wait for the kernel; `memory` is kept alive for them. */
  #written(status: number, request: WriteRequest, bytes: number, memory: Uint8Array | undefined): boolean {
    if (status !== 0) {
      this.#fail('write', status);
      return false;
    }
    if (!wroteLater()) return false;
    this.#request = undefined;
    this.#unsent += bytes;
    request.buffer = memory;
    request.oncomplete = (code) => this.#sent(code, bytes);
    return true;
  }

  #sent(status: number, bytes: number): void {
    this.#unsent -= bytes;
    if (this.#dead) return;
    if (status < 0) {
      this.#fail('write', status);
      return;
    }
    if (this.#unsent > 0 || !this.#full) return;
    this.#full = false;
    this.#receiver?.onDrain();
  }

  #fail(call: string, status: number): void {
    if (this.#dead) return;
    this.#dead = true;
    const code = getSystemErrorName(status);
    this.#socket.destroy(Object.assign(new Error(`${call} ${code}`), { code, syscall: call, errno: status }));
  }

  #close(): void {
    if (this.#closed) return;
    this.#dead = true;
    this.#closed = true;
    this.#receiver?.onClose(this.#error);
  }
}
