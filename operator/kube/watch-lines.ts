import { StringDecoder } from 'node:string_decoder';
import { KubeError } from './kube-error.ts';

/**
 * Longest line taken. The API server bounds an object at 1.5 MB as stored (etcd); in JSON each of `<`, `>` and `&` takes six characters (Go's
 * encoder), so anybody who may make a pod can make one of 9 MB.
 */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** Cuts the chunks of a watch into lines; what a broken connection left half is given to nobody. */
export class LineCutter {
  readonly #decoder = new StringDecoder('utf8');
  #parts: string[] = [];
  #size = 0;

  /** The complete lines that this chunk ends, in order. Throws when a line grows beyond `MAX_LINE_BYTES`. */
  push(chunk: Buffer): string[] {
    const pieces = this.#decoder.write(chunk).split('\n');
    const lines: string[] = [];
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) lines.push(this.#take());
      this.#add(piece);
    }
    return lines.filter((line) => line.trim() !== '');
  }

  #add(piece: string): void {
    this.#size += piece.length;
    if (this.#size > MAX_LINE_BYTES) {
      // As for 410: it would be sent again and again; a list goes past it.
      throw new KubeError(`a watch event is longer than ${MAX_LINE_BYTES} characters`, { status: 410 });
    }
    if (piece !== '') this.#parts.push(piece);
  }

  #take(): string {
    const line = this.#parts.join('');
    this.#parts = [];
    this.#size = 0;
    return line;
  }
}
