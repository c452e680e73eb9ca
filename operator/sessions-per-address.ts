/** What is needed of an HTTP/2 session. */
export interface CountedSession {
  on(event: 'close', listener: () => void): unknown;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** Counts open sessions by the client's address; holds an entry only for addresses that have one. */
export class SessionsPerAddress {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** False when the address has enough already; otherwise the session counts until it closes. */
  enter(session: CountedSession): boolean {
    const address = session.socket.remoteAddress ?? '';
    const held = this.#counts.get(address) ?? 0;
    if (held >= this.#most) return false;
    this.#counts.set(address, held + 1);
    session.on('close', () => this.#leave(address));
    return true;
  }

  get addresses(): number {
    return this.#counts.size;
  }

  #leave(address: string): void {
    const left = (this.#counts.get(address) ?? 1) - 1;
    if (left === 0) this.#counts.delete(address);
    else this.#counts.set(address, left);
  }
}
