import { givePiece, takePiece, writePiece } from '../base/memory-pieces.ts';
import type { Transport } from '../base/transport.ts';
import { atRoundEnd } from '../base/turn.ts';

/** Beyond this many gathered bytes they are written without waiting for the others of the round. */
const GATHER_BYTES = 65_536;
/** Room that is left behind a body piece for what usually follows it: the last chunk, or a small second piece. */
const SLACK = 64;

/**
 * Gathers what is written in one round of the event loop into one `transport.write`: a head with the body that came with it is one
 * system call. Text is latin1. Flushed by `flush`, by size, or at the end of the round.
 */
export class Output {
  readonly #transport: Transport;
  #text = '';
  #slab: Buffer | undefined;
  #length = 0;
  #scheduled = false;
  #blocked = false;
  /** Something was handed to the transport since this was set to false. */
  wrote = false;
  readonly #endOfRound = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The transport asked to stop; ends with `drained`. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Nothing gathered waits for a flush. */
  get empty(): boolean {
    return this.#text === '' && this.#length === 0;
  }

  drained(): void {
    this.#blocked = false;
  }

  text(text: string): void {
    this.#text += text;
    this.#schedule();
  }

  /** Copies the bytes. False: the transport is full. */
  bytes(buffer: Buffer, start: number, end: number): boolean {
    this.#reserve(this.#text.length + end - start);
    this.#settleText();
    const slab = this.#slab;
    if (slab !== undefined) {
      buffer.copy(slab, this.#length, start, end);
      this.#length += end - start;
    }
    if (this.#length >= GATHER_BYTES) this.flush();
    else this.#schedule();
    return !this.#blocked;
  }

  flush(): void {
    if (this.#text !== '') {
      if (this.#slab === undefined && this.#transport.writeText !== undefined) {
        this.#writeText();
        return;
      }
      if (this.#slab === undefined || this.#text.length > this.#slab.length - this.#length) {
        this.#reserve(this.#text.length);
      }
      this.#settleText();
    }
    this.#writeSlab();
  }

  /** Forgets what was gathered: nothing of it reaches the peer. */
  discard(): void {
    this.#text = '';
    if (this.#slab !== undefined) givePiece(this.#slab);
    this.#slab = undefined;
    this.#length = 0;
  }

  /** Makes room for `bytes` more; what does not fit beside what is gathered goes out first. */
  #reserve(bytes: number): void {
    if (this.#slab !== undefined && bytes <= this.#slab.length - this.#length) return;
    const again = this.#slab !== undefined;
    this.#writeSlab();
    this.#slab = takePiece(again ? Math.max(bytes + SLACK, Math.min(5 * bytes, GATHER_BYTES)) : bytes + SLACK);
  }

  #settleText(): void {
    if (this.#text === '' || this.#slab === undefined) return;
    this.#length += this.#slab.write(this.#text, this.#length, 'latin1');
    this.#text = '';
  }

  #writeSlab(): void {
    const slab = this.#slab;
    if (slab === undefined) return;
    const bytes = this.#length;
    this.#slab = undefined;
    this.#length = 0;
    if (bytes === 0) {
      givePiece(slab);
      return;
    }
    this.wrote = true;
    if (!writePiece(this.#transport, slab, bytes)) this.#blocked = true;
  }

  #writeText(): void {
    const text = this.#text;
    this.#text = '';
    this.wrote = true;
    if (this.#transport.writeText?.(text) === false) this.#blocked = true;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    atRoundEnd(this.#endOfRound);
  }
}
