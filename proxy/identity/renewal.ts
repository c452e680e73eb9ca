import { type BackoffRange, reconnectDelay } from '../base/backoff.ts';
import type { Clock, Random, Timer } from '../base/clock.ts';

/** What the machine knows of a certificate. Milliseconds since 1970. */
export interface Lifetime {
  readonly issuedAt: number;
  readonly notAfter: number;
}

export type RenewalState =
  | { readonly kind: 'stopped' }
  /** No request runs; the next one starts at `at` (wall clock). `failures` since the last success. */
  | { readonly kind: 'waiting'; readonly at: number; readonly failures: number }
  | { readonly kind: 'requesting'; readonly failures: number };

export interface RenewalOptions<Issued extends Lifetime> {
  readonly clock: Clock;
  readonly random: Random;
  /** Makes a key, asks for a certificate, checks it. */
  readonly request: () => Promise<Issued>;
  readonly onIssued: (issued: Issued) => void;
  /** The held certificate is no longer valid; requests go on. */
  readonly onExpired: () => void;
  /** `retryInMs`: when the next try starts. */
  readonly onFailure: (error: unknown, retryInMs: number) => void;
}

export interface Renewal {
  readonly state: RenewalState;
  /** `held`: what was kept from before; absent: the first request starts at once. */
  start(held?: Lifetime): void;
  /** Asks now, unless a request runs. */
  renewNow(): void;
  stop(): void;
}

/** Part of the life after which it is renewed: wide, so that pods started together do not renew together. */
const EARLIEST = 0.3;
const LATEST = 0.7;
/** With no certificate the pod is not ready: try often. */
const RETRY_FIRST: BackoffRange = { base: 250, max: 5_000 };
const RETRY_HELD: BackoffRange = { base: 1_000, max: 60_000 };
/** Of what is left of a life, one retry delay takes at most this part: a short life is retried more often. */
const RETRY_PART = 1 / 8;

/** Wall-clock time of renewal: uniform in 30 % to 70 % of the life. */
export function renewalTime(life: Lifetime, random: Random): number {
  return life.issuedAt + (life.notAfter - life.issuedAt) * (EARLIEST + (LATEST - EARLIEST) * random());
}

/** Delay before try number `failures` (from 1), in ms. `left`: life that is left, 0 for none. */
export function retryDelay(failures: number, left: number, random: Random): number {
  if (left <= 0) return reconnectDelay(RETRY_FIRST, failures - 1, random);
  const max = Math.max(RETRY_FIRST.base, Math.min(RETRY_HELD.max, left * RETRY_PART));
  return reconnectDelay({ base: Math.min(RETRY_HELD.base, max), max }, failures - 1, random);
}

/** Keeps one certificate fresh. The held one stays in use, whatever fails, until it expires. */
export function createRenewal<Issued extends Lifetime>(options: RenewalOptions<Issued>): Renewal {
  const { clock, random } = options;
  let state: RenewalState = { kind: 'stopped' };
  let held: Lifetime | undefined;
  let timer: Timer | undefined;
  let expiry: Timer | undefined;

  const wait = (at: number, failures: number): void => {
    timer?.clear();
    state = { kind: 'waiting', at, failures };
    // Fires early for waits beyond Node's longest timer, or when the wall clock was moved: then it waits again.
    timer = clock.after(at - clock.wall(), () => (clock.wall() < at ? wait(at, failures) : request(failures)));
  };
  const request = (failures: number): void => {
    timer?.clear();
    state = { kind: 'requesting', failures };
    options.request().then(
      (issued) => {
        if (state.kind === 'stopped') return;
        hold(issued);
        options.onIssued(issued);
        wait(renewalTime(issued, random), 0);
      },
      (error: unknown) => {
        if (state.kind === 'stopped') return;
        const left = held === undefined ? 0 : held.notAfter - clock.wall();
        const delay = retryDelay(failures + 1, left, random);
        options.onFailure(error, delay);
        wait(clock.wall() + delay, failures + 1);
      },
    );
  };
  const hold = (life: Lifetime): void => {
    held = life;
    expiry?.clear();
    expiry = clock.after(life.notAfter - clock.wall(), () => {
      if (clock.wall() < life.notAfter) {
        hold(life);
        return;
      }
      held = undefined;
      options.onExpired();
      // The delay was chosen while there was life left.
      if (state.kind === 'waiting') request(state.failures);
    });
  };

  return {
    get state() {
      return state;
    },
    start(life) {
      if (life === undefined) {
        request(0);
        return;
      }
      hold(life);
      wait(Math.max(renewalTime(life, random), clock.wall()), 0);
    },
    renewNow() {
      if (state.kind === 'waiting') request(state.failures);
    },
    stop() {
      state = { kind: 'stopped' };
      timer?.clear();
      expiry?.clear();
    },
  };
}
