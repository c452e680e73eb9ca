import type { Transport } from './transport.ts';

/**
 * Memory that bodies pass through. Pieces circulate, because V8 collects memory outside of its heap only after 64 MiB of it are garbage: a large body
 * would cost each proxy that much. A little more than a TLS record and than a read, for what is written around them.
 */
interface Class {
  readonly bytes: number;
  /** Of free pieces. */
  readonly most: number;
  readonly free: Buffer[];
}

/** Bytes of the smallest: an ordinary message. */
const LEAST = 2_048;

const CLASSES: readonly Class[] = [
  { bytes: LEAST, most: 128, free: [] },
  { bytes: 16_384 + 1_024, most: 32, free: [] },
  { bytes: 65_536 + 1_024, most: 8, free: [] },
];

/** Whose memory is a piece: a size alone could be that of Node's shared pool. */
const pieces = new WeakMap<ArrayBufferLike, Class>();

/** At least `bytes` of memory with anything in it. Give it back with `givePiece`, or leave it to the garbage collector. */
export function takePiece(bytes: number): Buffer {
  for (const one of CLASSES) if (bytes <= one.bytes) return one.free.pop() ?? newPiece(one);
  return Buffer.allocUnsafeSlow(bytes);
}

function newPiece(of: Class): Buffer {
  const piece = Buffer.allocUnsafeSlow(of.bytes);
  pieces.set(piece.buffer, of);
  return piece;
}

/** Gives back what `takePiece` or `keepable` gave; any view of it does, other memory is left alone. Nobody may use it afterwards. */
export function givePiece(view: Buffer): void {
  const of = pieces.get(view.buffer);
  if (of === undefined || of.free.length >= of.most) return;
  of.free.push(view.length === of.bytes ? view : Buffer.from(view.buffer, 0, of.bytes));
}

/**
 * Memory of exactly `bytes` for what waits for a slow side, perhaps for long: from the pieces only where little of one would be wasted.
 * A slice of Node's shared pool keeps all of that pool alive; for small pieces that costs less than memory of their own.
 */
export function keepable(bytes: number): Buffer {
  if (bytes < LEAST) return Buffer.allocUnsafe(bytes);
  for (const { bytes: size } of CLASSES)
    if (bytes <= size && bytes > size / 2) return takePiece(bytes).subarray(0, bytes);
  return Buffer.allocUnsafeSlow(bytes);
}

/** Writes the first `bytes` of a piece; it is not the caller's any more. Answers as `Transport.write`. */
export function writePiece(transport: Transport, piece: Buffer, bytes: number): boolean {
  const used = piece.subarray(0, bytes);
  if (transport.lend !== undefined && transport.pending === 0) {
    const goesOn = transport.lend(used);
    if (transport.keepsLent !== true) givePiece(piece);
    return goesOn;
  }
  if (bytes > piece.length / 2) return transport.write(used);
  // It waits behind something, for a slow peer for long: no more memory may wait than it needs.
  const copy = keepable(bytes);
  used.copy(copy);
  givePiece(piece);
  return transport.write(copy);
}
