/** What a valve stops and starts: the body of the application's request. */
export interface Flow {
  pause(): void;
  resume(): void;
}

/** Pauses once, resumes once: several causes (no connection yet, a slow endpoint, backoff) may ask, and only changes are told. */
export class Valve {
  readonly #flow: Flow;
  #closed = false;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#flow.pause();
  }

  open(): void {
    if (!this.#closed) return;
    this.#closed = false;
    this.#flow.resume();
  }
}
