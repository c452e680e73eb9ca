/**
 * Reads the answers of a backend of ours on one connection: status line, `content-length`, body. Nothing else is understood, and anything else is an
 * error: this is a meter, not a client.
 */
export class ResponseReader {
  #pending: Buffer = Buffer.alloc(0);
  #left = 0;
  #status = 0;
  readonly #onResponse: (status: number) => void;

  constructor(onResponse: (status: number) => void) {
    this.#onResponse = onResponse;
  }

  /** Throws on an answer without `content-length`. */
  push(chunk: Buffer): void {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    while (bytes.length > 0) {
      if (this.#left === 0) {
        const end = bytes.indexOf('\r\n\r\n');
        if (end === -1) {
          this.#pending = bytes;
          return;
        }
        this.#head(bytes.toString('latin1', 0, end));
        bytes = bytes.subarray(end + 4);
        if (this.#left > 0) continue;
      } else {
        const take = Math.min(this.#left, bytes.length);
        this.#left -= take;
        bytes = bytes.subarray(take);
        if (this.#left > 0) return;
      }
      this.#onResponse(this.#status);
    }
  }

  #head(head: string): void {
    const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1];
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (status === undefined || length === undefined)
      throw new Error(`not an answer of the backend: ${head.slice(0, 200)}`);
    this.#status = Number(status);
    this.#left = Number(length);
  }
}
