import type { Transport } from '../base/transport.ts';

/**
 * Ends our direction and leaves the other open for a while, so that the peer can read the last answer: closing at once
 * would reset the connection over unread input and take the answer with it (RFC 9112, 9.6).
 */
export class GentleClose {
  readonly #transport: Transport;
  #lastPending = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  begin(): void {
    this.#transport.end();
    this.#lastPending = this.#transport.pending;
  }

  /** The time is over. True: wait as long again, for the peer is slow but has taken something since. */
  goesOn(): boolean {
    const pending = this.#transport.pending;
    const moved = pending > 0 && pending < this.#lastPending;
    this.#lastPending = pending;
    return moved;
  }
}
