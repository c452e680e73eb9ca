import type { Endpoint } from '../contract/snapshot.ts';
import type { Connections } from './connections.ts';

/**
 * One endpoint as this proxy knows it. The object survives snapshots, so that its running requests, its quarantine and its
 * connections do too; two Services that choose the same pod and port share it.
 */
export class EndpointState {
  /** As the newest snapshot describes it: address, port, pod and identity never change, the rest may. */
  endpoint: Endpoint;
  /** `10.0.0.7:3000`, for texts. */
  readonly name: string;
  readonly key: string;
  /** Tries that run now. */
  inflight = 0;
  /** Monotonic ms after which it takes its full share; see `WARM_UP_MS`. */
  readonly warmAt: number;
  /** Connects fail: not chosen while another one is there. */
  quarantined = false;
  /** Its proxy said GOAWAY: chosen only where nobody better is left. */
  leaving = false;
  /** How many built ports hold it. */
  references = 0;
  /** Its connections, made on first use: over the mesh, or plain ones with HTTP/1.1. */
  connections: Connections | undefined;
  /** Plain ones with HTTP/2, for requests that came so. */
  http2: Connections | undefined;

  constructor(endpoint: Endpoint, key: string, warmAt: number) {
    this.endpoint = endpoint;
    this.key = key;
    this.warmAt = warmAt;
    this.name = endpoint.address.includes(':')
      ? `[${endpoint.address}]:${endpoint.port}`
      : `${endpoint.address}:${endpoint.port}`;
  }
}

/** A new endpoint of a Service that already had some starts with a tenth of its share and has all of it after this. */
export const WARM_UP_MS = 30_000;

/** All endpoints in use, by identity. What the last reference leaves is drained. */
export class EndpointRegistry {
  readonly #states = new Map<string, EndpointState>();

  get size(): number {
    return this.#states.size;
  }

  /** Takes a reference. `warm`: it takes its full share at once. */
  acquire(endpoint: Endpoint, now: number, warm: boolean): EndpointState {
    const key = endpointKey(endpoint);
    let state = this.#states.get(key);
    if (state === undefined) {
      state = new EndpointState(endpoint, key, warm ? 0 : now + WARM_UP_MS);
      this.#states.set(key, state);
    }
    state.endpoint = endpoint;
    state.references++;
    return state;
  }

  release(state: EndpointState): void {
    state.references--;
    if (state.references > 0) return;
    this.#states.delete(state.key);
    state.connections?.drain();
    state.http2?.drain();
  }

  values(): Iterable<EndpointState> {
    return this.#states.values();
  }
}

/** An address that another pod took over, or a pod that changed its identity, is another endpoint. */
export function endpointKey(endpoint: Endpoint): string {
  return `${endpoint.address}|${endpoint.port}|${endpoint.pod ?? ''}|${endpoint.identity ?? ''}`;
}
