import { PerSource } from '../base/per-source.ts';
import { inTurns } from '../base/turns.ts';
import type { Reason } from '../contract/reasons.ts';
import type { BuiltWorkload } from '../policy/build.ts';
import type { Credentials } from '../tls/credentials.ts';

/** An inbound connection (or a tunnel inside one) that later rules may forbid. */
export interface LiveConnection {
  readonly kind: 'mesh' | 'tunnel' | 'plain-http' | 'plain-tcp';
  /** The application's port. */
  readonly port: number;
  /** Undefined: plaintext, or a handshake that is not finished. */
  readonly identity: string | undefined;
  /** Asked instead of the rules for connections: an upgraded request knows its path. */
  forbiddenBy?(rules: BuiltWorkload): Reason | undefined;
  /** Mesh connections: whether the peer is one that these credentials accept. */
  trustedBy?(credentials: Credentials): boolean;
  close(reason: Reason): void;
  drain(): void;
}

/** Why the rules in force forbid a connection; undefined: they do not. */
export function forbids(rules: BuiltWorkload, connection: Omit<LiveConnection, 'close' | 'drain'>): Reason | undefined {
  const { kind, port, identity } = connection;
  if (kind === 'mesh') {
    if (identity === undefined) return undefined;
    return rules.authorizer.connection(identity, port).allowed ? undefined : 'unauthorized';
  }
  if (identity === undefined && rules.mtlsMode(port) === 'Strict') return 'plaintext_refused';
  const verdict =
    kind === 'plain-http' ? rules.authorizer.connection(identity, port) : rules.authorizer.tcp(identity, port);
  return verdict.allowed ? undefined : 'unauthorized';
}

function reasonAgainst(rules: BuiltWorkload, connection: LiveConnection): Reason | undefined {
  return connection.forbiddenBy === undefined ? forbids(rules, connection) : connection.forbiddenBy(rules);
}

const MAX_SOURCES = 1_024;
/** A verification takes half a millisecond: requests and probes must not wait for all of them. */
const VERIFIED_A_TURN = 16;

/** All inbound connections, so that a commit can close what it forbids before it is reported in force, and a drain can tell everybody. */
export class LiveConnections {
  readonly #all = new Set<LiveConnection>();
  readonly #meshed = new Set<string>();
  /**
   * Mesh handshakes that are not finished. Each costs a key exchange and a TLS socket (some 80 kB) before anybody is proven. An honest proxy needs
   * one for each port that it calls, and one more when it renews; a rolling restart brings every caller at once.
   */
  readonly handshakes = new PerSource({ mostOfOne: 64, most: 1_024 });
  /**
   * Open mesh connections, some 85 kB each. An honest proxy has one for each port that it calls, and a further one where many streams or a renewal
   * ask for it: a peer with a valid certificate must not be able to fill the memory either.
   */
  readonly peers = new PerSource({ mostOfOne: 1_024, most: 16_384 });
  /** Connections whose first bytes are awaited, for up to 10 s: a quarter of what the listener takes (16,384), so that no single address shuts others out. */
  readonly arrivals = new PerSource({ mostOfOne: 4_096, most: 16_384 });
  draining = false;

  /** Addresses from which mesh handshakes came lately: their silence is not taken for plaintext so soon. */
  get meshedSources(): ReadonlySet<string> {
    return this.#meshed;
  }

  get size(): number {
    return this.#all.size;
  }

  add(connection: LiveConnection): () => void {
    this.#all.add(connection);
    return () => void this.#all.delete(connection);
  }

  /** Closes what `rules` forbid; without rules (they were withdrawn) everything. Answers how many. */
  enforce(rules: BuiltWorkload | undefined): number {
    let closed = 0;
    for (const connection of [...this.#all]) {
      const reason = rules === undefined ? 'config_pending' : reasonAgainst(rules, connection);
      if (reason === undefined) continue;
      this.#all.delete(connection);
      connection.close(reason);
      closed++;
    }
    return closed;
  }

  /** Closes mesh connections whose verified peer these credentials do not accept, and what runs on them; `done` hears how many. */
  distrust(credentials: Credentials, done: (closed: number) => void): void {
    let closed = 0;
    const look = (connection: LiveConnection): void => {
      const known = this.#all.has(connection) && connection.identity !== undefined;
      if (!known || connection.trustedBy?.(credentials) !== false) return;
      this.#all.delete(connection);
      connection.close('untrusted_peer');
      closed++;
    };
    const mesh = [...this.#all].filter((connection) => connection.trustedBy !== undefined);
    inTurns(mesh, VERIFIED_A_TURN, look, () => done(closed));
  }

  noteMeshed(address: string): void {
    this.#meshed.delete(address);
    if (this.#meshed.size >= MAX_SOURCES) this.#meshed.delete(this.#meshed.values().next().value!);
    this.#meshed.add(address);
  }

  drain(): void {
    this.draining = true;
    for (const connection of [...this.#all]) connection.drain();
  }

  close(): void {
    for (const connection of [...this.#all]) connection.close('draining');
  }
}
