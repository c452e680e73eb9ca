import type { Clock, Timer } from '../../base/clock.ts';
import type { KeepaliveOptions, SessionEnd } from './session-options.ts';

/** What keepalive needs of a session. */
export interface Pingable {
  ping(): void;
  abort(end: SessionEnd): void;
  readonly options: { readonly peer: string };
}

/** Notices dead peers: after a silent interval one PING, and without any byte within the timeout the connection is dead. */
export class Keepalive {
  readonly #session: Pingable;
  readonly #clock: Clock;
  readonly #options: KeepaliveOptions;
  #timer: Timer | undefined;
  #heard = false;
  #waiting = false;

  constructor(session: Pingable, clock: Clock, options: KeepaliveOptions) {
    this.#session = session;
    this.#clock = clock;
    this.#options = options;
  }

  start(): void {
    this.#arm(this.#options.intervalMs);
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  /** Something arrived. A store and a look: it is called for every read. */
  heard(): void {
    this.#heard = true;
    if (this.#waiting) {
      this.#waiting = false;
      this.stop();
      this.#arm(this.#options.intervalMs);
    }
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.after(ms, () => this.#fire());
  }

  #fire(): void {
    if (this.#waiting) {
      const detail = `${this.#session.options.peer} did not answer a PING within ${this.#options.timeoutMs} ms`;
      this.#session.abort({ by: 'timeout', code: 0, detail });
      return;
    }
    if (this.#heard) {
      this.#heard = false;
      this.#arm(this.#options.intervalMs);
      return;
    }
    this.#waiting = true;
    this.#session.ping();
    this.#arm(this.#options.timeoutMs);
  }
}
