import { takePiece } from '../../base/memory-pieces.ts';

/** Size of the pieces that frames are collected in: four full TLS records. */
const SLAB = 65_536;

interface Piece {
  readonly memory: Buffer;
  readonly bytes: number;
}

/** Collects the frames of one event-loop turn into as few pieces as possible. Holds no memory between turns. */
export class Output {
  /** Where `at` points into; valid after `reserve`. */
  buffer: Buffer = EMPTY;
  at = 0;
  #full: Piece[] = [];
  #fullBytes = 0;

  /** Bytes collected and not yet taken. */
  get length(): number {
    return this.#fullBytes + this.at;
  }

  /** Makes room for `bytes` in one piece at `at`. */
  reserve(bytes: number): void {
    if (this.buffer.length - this.at >= bytes) return;
    if (this.at > 0) {
      this.#full.push({ memory: this.buffer, bytes: this.at });
      this.#fullBytes += this.at;
    }
    this.buffer = takePiece(Math.max(SLAB, bytes));
    this.at = 0;
  }

  /** Collects `bytes` as they are. */
  copy(bytes: Buffer): void {
    this.reserve(bytes.length);
    this.at += bytes.copy(this.buffer, this.at);
  }

  /** Hands the pieces to `write`, in order, with how much of each is used, and forgets them. */
  take(write: (piece: Buffer, bytes: number) => void): void {
    const last = this.buffer;
    const bytes = this.at;
    const earlier = this.#full;
    this.buffer = EMPTY;
    this.at = 0;
    if (earlier.length > 0) {
      this.#full = [];
      this.#fullBytes = 0;
      for (const piece of earlier) write(piece.memory, piece.bytes);
    }
    if (bytes > 0) write(last, bytes);
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
