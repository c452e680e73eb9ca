import type { Clock, Random, Timer } from '../base/clock.ts';
import { HeddleError } from '../base/errors.ts';
import type { Watch } from '../base/watch.ts';
import type { Reason } from '../contract/reasons.ts';
import type { ConnectMeshOptions, MeshClient, SelfDescription } from '../mesh/mesh.ts';
import type { Credentials } from '../tls/credentials.ts';
import type { Connections, ConnectWaiter, Opener } from './connections.ts';
import type { EndpointState } from './endpoints.ts';
import { connectFailure } from './failures.ts';
import { Quarantine } from './quarantine.ts';

export type ConnectMesh = (options: ConnectMeshOptions) => Promise<MeshClient>;

export interface MeshOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly connectMesh: ConnectMesh;
  readonly credentials: Watch<Credentials | undefined>;
  readonly self: SelfDescription;
  readonly handshakeTimeoutMs: number;
  /** DESIGN flow two, point 5: 60 s. */
  readonly idleMs: number;
  readonly maxWaiting: number;
  /** Result of each connect: `connected` or a reason. For metrics. */
  onConnect?(result: Reason | 'connected'): void;
}

/** A connection takes no new requests this long before the earlier of its certificates expires (or a tenth of what is left, if less). */
const EXPIRY_MARGIN_MS = 60_000;

/**
 * The mesh connection to one (peer pod, port): made on demand, one for everybody; requests that come while it is made share the attempt. When it
 * drains (GOAWAY, renewed certificate, expiry near) or its streams are used up, the next request gets a new one.
 */
export class MeshConnections implements Connections {
  readonly #endpoint: EndpointState;
  readonly #options: MeshOptions;
  readonly #quarantine: Quarantine;
  readonly #waiting: ConnectWaiter[] = [];
  readonly #all = new Set<MeshClient>();
  #current: MeshClient | undefined;
  #expiry: Timer | undefined;
  #connecting = false;
  #draining = false;

  constructor(endpoint: EndpointState, options: MeshOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#quarantine = new Quarantine(endpoint, options.clock, options.random, () => this.#connect(3_000));
  }

  get open(): number {
    return this.#all.size;
  }

  acquire(waiter: ConnectWaiter, connectTimeoutMs: number): Opener | undefined {
    const current = this.#current;
    if (current !== undefined && current.state === 'open' && current.capacity > 0) return current;
    if (this.#waiting.length >= this.#options.maxWaiting) {
      const detail = `${this.#endpoint.name}: ${this.#waiting.length} requests wait for the mesh connection already`;
      queueMicrotask(() => waiter.onConnectFailure({ reason: 'overloaded', unprocessed: true, detail }));
      return undefined;
    }
    this.#waiting.push(waiter);
    this.#connect(connectTimeoutMs);
    return undefined;
  }

  cancel(waiter: ConnectWaiter): void {
    const index = this.#waiting.indexOf(waiter);
    if (index !== -1) this.#waiting.splice(index, 1);
  }

  /** Own certificate renewed or endpoint gone: what runs goes on, the next request connects anew. */
  renew(): void {
    this.#expiry?.clear();
    this.#current = undefined;
    for (const client of this.#all) client.drain();
  }

  distrust(credentials: Credentials): void {
    for (const client of [...this.#all]) if (!client.trustedBy(credentials)) client.close();
  }

  drain(): void {
    this.#draining = true;
    this.#quarantine.stop();
    this.renew();
  }

  close(): void {
    this.drain();
    for (const client of [...this.#all]) client.close();
  }

  #connect(connectTimeoutMs: number): void {
    if (this.#connecting) return;
    const { address, port, identity } = this.#endpoint.endpoint;
    const credentials = this.#options.credentials.value;
    this.#connecting = true;
    if (credentials === undefined) {
      queueMicrotask(() =>
        this.#failed(new HeddleError('no_own_certificate', 'no certificate was issued to this proxy yet')),
      );
      return;
    }
    this.#options
      .connectMesh({
        address,
        port,
        credentials,
        expectedIdentity: identity ?? '',
        self: this.#options.self,
        connectTimeoutMs,
        handshakeTimeoutMs: this.#options.handshakeTimeoutMs,
        clock: this.#options.clock,
        idleCloseMs: this.#options.idleMs,
        onGoaway: () => this.#leaves(),
        onClose: (client, end) => this.#closed(client, end?.by === 'timeout'),
      })
      .then(
        (client) => this.#connected(client, credentials),
        (error: unknown) => this.#failed(error),
      );
  }

  #connected(client: MeshClient, credentials: Credentials): void {
    const now = this.#options.credentials.value;
    if (now !== undefined && now !== credentials && !client.trustedBy(now)) {
      client.close();
      this.#failed(new HeddleError('untrusted_peer', 'the root of its certificate was taken out of the trust bundle'));
      return;
    }
    this.#connecting = false;
    this.#options.onConnect?.('connected');
    this.#quarantine.succeeded();
    this.#all.add(client);
    this.#current = client;
    this.#watchExpiry(client);
    const waiting = this.#waiting.splice(0);
    for (const waiter of waiting) {
      if (client.state === 'open' && client.capacity > 0) waiter.onConnection(client);
      else this.#waiting.push(waiter);
    }
    if (this.#waiting.length > 0) this.#connect(3_000);
    const stale = this.#options.credentials.value !== credentials;
    if (stale || (this.#draining && this.#current === client)) this.renew();
  }

  #failed(error: unknown): void {
    this.#connecting = false;
    const failure = connectFailure(this.#endpoint.name, error);
    if (!this.#draining) this.#judge(failure.reason);
    this.#options.onConnect?.(failure.reason);
    for (const waiter of this.#waiting.splice(0)) waiter.onConnectFailure(failure);
  }

  /** Our own fault says nothing of the endpoint, and one that denies us is healthy: to avoid it would make a denial look like luck. */
  #judge(reason: Reason): void {
    if (reason === 'no_own_certificate') this.#quarantine.postpone();
    else if (reason === 'unauthorized') this.#quarantine.succeeded();
    else this.#quarantine.failed();
  }

  #leaves(): void {
    if (!this.#draining) this.#quarantine.leaving();
  }

  #closed(client: MeshClient, silent: boolean): void {
    this.#all.delete(client);
    if (silent && !this.#draining) this.#quarantine.failed();
    if (this.#current !== client) return;
    this.#current = undefined;
    this.#expiry?.clear();
  }

  #watchExpiry(client: MeshClient): void {
    this.#expiry?.clear();
    const left = client.expiresAt - this.#options.clock.wall();
    const margin = Math.min(EXPIRY_MARGIN_MS, left / 10);
    this.#expiry = this.#options.clock.after(left - margin, () => {
      if (this.#current === client) this.#current = undefined;
      client.drain();
    });
  }
}
