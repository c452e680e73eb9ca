import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { HeddleError } from '../base/errors.ts';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { endRound } from '../base/turn.ts';
import { Cell } from '../base/watch.ts';
import { DEFAULT_HTTP_LIMITS, type Failure } from '../http/http.ts';
import { requestHead } from '../http/testing/heads.ts';
import type { ConnectMeshOptions, MeshClient } from '../mesh/mesh.ts';
import type { Credentials } from '../tls/credentials.ts';
import type { ConnectWaiter, Opener } from './connections.ts';
import { EndpointState } from './endpoints.ts';
import { MeshConnections } from './mesh-connections.ts';
import { PlainConnections } from './plain-connections.ts';

class Waiter implements ConnectWaiter {
  opener: Opener | undefined;
  failure: Failure | undefined;
  onConnection(opener: Opener): void {
    this.opener = opener;
  }
  onConnectFailure(failure: Failure): void {
    this.failure = failure;
  }
}

const endpoint = (): EndpointState =>
  new EndpointState({ address: '10.0.0.7', port: 3000, identity: 'spiffe://td/ns/a/sa/b', subsets: [] }, 'k', 0);

const CREDENTIALS: Credentials = {
  identity: 'spiffe://td/ns/a/sa/me',
  trustDomain: 'td',
  keyPem: '',
  chainPem: '',
  rootsPem: '',
  notBefore: 0,
  notAfter: Number.MAX_SAFE_INTEGER,
};

class FakeMesh implements MeshClient {
  state: 'open' | 'draining' | 'closed' = 'open';
  active = 0;
  capacity = 2;
  readonly peerIdentity = '';
  expiresAt: number;
  constructor(expiresAt: number) {
    this.expiresAt = expiresAt;
  }
  open = (): never => {
    throw new Error('not used');
  };
  tunnel = this.open;
  trustedBy = (credentials: Credentials): boolean => credentials.rootsPem !== 'without its root';
  drain(): void {
    this.state = 'draining';
  }
  close(): void {
    this.state = 'closed';
  }
}

function mesh(credentials: Credentials | undefined = CREDENTIALS) {
  const clock = new FakeClock();
  const cell = new Cell<Credentials | undefined>(credentials);
  const attempts: { options: ConnectMeshOptions; resolve(client: MeshClient): void; reject(error: Error): void }[] = [];
  const results: string[] = [];
  const state = endpoint();
  const connections = new MeshConnections(state, {
    clock,
    random: () => 1,
    credentials: cell,
    self: { workload: 'w', namespace: 'n', pod: 'p' },
    handshakeTimeoutMs: 5_000,
    idleMs: 60_000,
    maxWaiting: 3,
    connectMesh: (options) => new Promise((resolve, reject) => attempts.push({ options, resolve, reject })),
    onConnect: (result) => results.push(result),
  });
  const client = (): FakeMesh => new FakeMesh(clock.wall() + 3_600_000);
  return { clock, cell, attempts, results, state, connections, client };
}

describe('mesh connections', () => {
  test('requests share one connect, and then one connection', async () => {
    const { attempts, connections, client } = mesh();
    const waiters = [new Waiter(), new Waiter()];
    for (const waiter of waiters) expect(connections.acquire(waiter, 3_000)).toBeUndefined();
    expect(attempts).toHaveLength(1);
    expect(attempts[0]?.options.expectedIdentity).toBe('spiffe://td/ns/a/sa/b');
    const made = client();
    attempts[0]?.resolve(made);
    await settle();
    expect(waiters.map((waiter) => waiter.opener)).toEqual([made, made]);
    expect(connections.acquire(new Waiter(), 3_000)).toBe(made);
  });

  test('more than the bound may not wait, a cancelled one is not called', async () => {
    const { attempts, connections, client } = mesh();
    const waiters = Array.from({ length: 4 }, () => new Waiter());
    for (const waiter of waiters) connections.acquire(waiter, 3_000);
    await settle();
    expect(waiters[3]?.failure).toMatchObject({ reason: 'overloaded', unprocessed: true });
    connections.cancel(waiters[1]!);
    attempts[0]?.resolve(client());
    await settle();
    expect(waiters.map((waiter) => waiter.opener !== undefined)).toEqual([true, false, true, false]);
  });

  test('a root that is dropped while a connect runs: its connection is used by nobody', async () => {
    const { attempts, cell, connections, client } = mesh();
    const waiter = new Waiter();
    connections.acquire(waiter, 3_000);
    cell.set({ ...CREDENTIALS, rootsPem: 'without its root' });
    const made = client();
    attempts[0]?.resolve(made);
    await settle();
    expect([made.state, waiter.opener, waiter.failure?.reason]).toEqual(['closed', undefined, 'untrusted_peer']);
  });

  test('a peer that says GOAWAY is leaving: a probe after 30 s brings it back, a failed connect puts it in quarantine', async () => {
    const { attempts, clock, connections, state, client } = mesh();
    connections.acquire(new Waiter(), 3_000);
    attempts[0]?.resolve(client());
    await settle();
    attempts[0]?.options.onGoaway?.();
    expect([state.leaving, state.quarantined]).toEqual([true, false]);
    clock.advance(30_000);
    expect(attempts).toHaveLength(2);
    attempts[1]?.resolve(client());
    await settle();
    expect([state.leaving, state.quarantined]).toEqual([false, false]);
    attempts[1]?.options.onGoaway?.();
    connections.renew();
    connections.acquire(new Waiter(), 3_000);
    attempts[2]?.reject(new HeddleError('connect_failure', 'gone'));
    await settle();
    expect([state.leaving, state.quarantined]).toEqual([true, true]);
    clock.advance(5_000);
    expect(attempts).toHaveLength(4);
  });

  test('no answer to a PING is quarantine, another end is not', async () => {
    const { attempts, connections, state, client } = mesh();
    connections.acquire(new Waiter(), 3_000);
    const made = client();
    attempts[0]?.resolve(made);
    await settle();
    attempts[0]?.options.onClose?.(made, { by: 'transport', code: 0, detail: '' });
    expect(state.quarantined).toBe(false);
    attempts[0]?.options.onClose?.(made, { by: 'timeout', code: 0, detail: '' });
    expect(state.quarantined).toBe(true);
  });

  test('a denial is no quarantine, and ends one: the endpoint is healthy', async () => {
    const { attempts, connections, state } = mesh();
    for (const [index, code, expected] of [
      [0, 'unauthorized', false],
      [1, 'handshake_failed', true],
      [2, 'unauthorized', false],
    ] as const) {
      connections.acquire(new Waiter(), 3_000);
      attempts[index]?.reject(new HeddleError(code, 'no'));
      await settle();
      expect(state.quarantined).toBe(expected);
    }
  });

  test('a probe without an own certificate is made again later, not never', async () => {
    const { attempts, cell, clock, connections, state, client } = mesh();
    connections.acquire(new Waiter(), 3_000);
    attempts[0]?.reject(new HeddleError('connect_failure', 'gone'));
    await settle();
    cell.set(undefined);
    clock.advance(5_000);
    await settle();
    expect([attempts.length, state.quarantined]).toEqual([1, true]);
    cell.set(CREDENTIALS);
    clock.advance(5_000);
    expect(attempts).toHaveLength(2);
    attempts[1]?.resolve(client());
    await settle();
    expect(state.quarantined).toBe(false);
  });

  test('a full or draining connection is replaced by another', async () => {
    const { attempts, connections, client } = mesh();
    connections.acquire(new Waiter(), 3_000);
    const first = client();
    attempts[0]?.resolve(first);
    await settle();
    first.capacity = 0;
    const waiter = new Waiter();
    expect(connections.acquire(waiter, 3_000)).toBeUndefined();
    const second = client();
    attempts[1]?.resolve(second);
    await settle();
    expect(waiter.opener).toBe(second);
    second.drain();
    expect(connections.acquire(new Waiter(), 3_000)).toBeUndefined();
    expect(attempts).toHaveLength(3);
  });

  test('failures name their reason; the endpoint is left for 5 s, then 10 s, and comes back by a probe', async () => {
    const { attempts, clock, connections, client, results, state } = mesh();
    const waiter = new Waiter();
    connections.acquire(waiter, 3_000);
    attempts[0]?.reject(new HeddleError('identity_mismatch', 'somebody else'));
    await settle();
    expect(waiter.failure).toMatchObject({ reason: 'identity_mismatch', unprocessed: true });
    expect(waiter.failure?.detail).toContain('10.0.0.7:3000');
    expect(state.quarantined).toBe(true);
    clock.advance(4_999);
    expect(attempts).toHaveLength(1);
    clock.advance(1);
    expect(attempts).toHaveLength(2);
    attempts[1]?.reject(new Error('still gone'));
    await settle();
    clock.advance(9_999);
    expect(attempts).toHaveLength(2);
    clock.advance(1);
    attempts[2]?.resolve(client());
    await settle();
    expect(state.quarantined).toBe(false);
    expect(results).toEqual(['identity_mismatch', 'connect_failure', 'connected']);
  });

  test('without a certificate nothing is dialled and the endpoint is not blamed', async () => {
    const { attempts, connections, state, cell } = mesh(undefined);
    cell.set(undefined);
    const waiter = new Waiter();
    connections.acquire(waiter, 3_000);
    await settle();
    expect(waiter.failure).toMatchObject({ reason: 'no_own_certificate' });
    expect([attempts.length, state.quarantined]).toEqual([0, false]);
  });

  test('it is drained before a certificate expires, when the own one is renewed, and when the endpoint goes', async () => {
    const { attempts, clock, cell, connections, client } = mesh();
    const connected = async (): Promise<FakeMesh> => {
      connections.acquire(new Waiter(), 3_000);
      const made = client();
      attempts.at(-1)?.resolve(made);
      await settle();
      return made;
    };
    const expiring = await connected();
    clock.advance(3_600_000 - 60_001);
    expect(expiring.state).toBe('open');
    clock.advance(1);
    expect(expiring.state).toBe('draining');
    const renewed = await connected();
    cell.set({ ...CREDENTIALS });
    connections.renew();
    expect(renewed.state).toBe('draining');
    const gone = await connected();
    connections.drain();
    expect(gone.state).toBe('draining');
    // A running retry may still need it.
    const late = await connected();
    expect(late.state).toBe('draining');
  });
});

describe('plain connections', () => {
  class FakeSocket extends EventEmitter {
    destroyed = false;
    readonly written: string[] = [];
    readonly writableLength = 0;
    setNoDelay(): this {
      return this;
    }
    pause(): this {
      return this;
    }
    resume(): this {
      return this;
    }
    write(chunk: Buffer): boolean {
      this.written.push(chunk.toString('latin1'));
      return true;
    }
    end(): void {}
    destroy(): void {
      if (this.destroyed) return;
      this.destroyed = true;
      queueMicrotask(() => this.emit('close'));
    }
    answer(): void {
      this.emit('data', Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
    }
  }

  function plain(changes: { maxConnections?: number; quarantine?: boolean } = {}) {
    const clock = new FakeClock();
    const dials: { resolve(socket: FakeSocket): void; reject(error: Error): void }[] = [];
    const state = endpoint();
    const connections = new PlainConnections(state, {
      clock,
      random: () => 1,
      limits: DEFAULT_HTTP_LIMITS,
      dial: () =>
        new Promise<Socket>((resolve, reject) =>
          dials.push({ resolve: (socket) => resolve(socket as unknown as Socket), reject }),
        ),
      idleMs: 1_000,
      maxConnections: changes.maxConnections ?? 2,
      maxIdle: 1,
      maxWaiting: 3,
      failureReason: 'app_connect_failure',
      quarantine: changes.quarantine ?? true,
    });
    return { clock, dials, state, connections };
  }
  const receiver = {
    onInform() {},
    onResponse() {},
    onBody() {},
    onEnd() {},
    onDrain() {},
    onFailure() {},
  };
  /** Sends a request and lets it leave. */
  const use = (opener: Opener | undefined): void => {
    opener?.open(requestHead(), { destination: '', attempt: 1, deadlineMs: undefined }, receiver);
    endRound();
  };

  /** As a request does: uses the opener before the call returns. */
  class User extends Waiter {
    override onConnection(opener: Opener): void {
      super.onConnection(opener);
      use(opener);
    }
  }

  test('a waiter that does not use its connection leaves it to the next', async () => {
    const { dials, connections } = plain({ maxConnections: 1 });
    const waiters = [new Waiter(), new Waiter(), new User()];
    for (const waiter of waiters) connections.acquire(waiter, 3_000);
    const socket = new FakeSocket();
    dials[0]?.resolve(socket);
    await settle();
    expect(waiters.map((waiter) => waiter.opener !== undefined)).toEqual([true, true, true]);
    expect(socket.written).toHaveLength(1);
  });

  test('a connection is dialled for each waiting request, up to the bound; then they take turns', async () => {
    const { dials, connections } = plain();
    const waiters = Array.from({ length: 3 }, () => new User());
    for (const waiter of waiters) connections.acquire(waiter, 3_000);
    expect(dials).toHaveLength(2);
    const socket = new FakeSocket();
    dials[0]?.resolve(socket);
    await settle();
    expect(waiters.map((waiter) => waiter.opener !== undefined)).toEqual([true, false, false]);
    const [first] = waiters;
    // The next one gets the connection when the answer is complete.
    socket.answer();
    await settle();
    expect(waiters[1]?.opener).toBe(first?.opener);
  });

  test('an idle connection is used again at once, the one used last first', async () => {
    const { dials, connections } = plain();
    const waiter = new User();
    connections.acquire(waiter, 3_000);
    const socket = new FakeSocket();
    dials[0]?.resolve(socket);
    await settle();
    for (let count = 1; count <= 3; count++) {
      if (count > 1) use(waiter.opener);
      socket.answer();
      await settle();
      expect(connections.acquire(new Waiter(), 3_000)).toBe(waiter.opener);
    }
    expect(dials).toHaveLength(1);
    expect(socket.written).toHaveLength(3);
  });

  test('a connection that nobody waits for any more stays for the next request, at most 1 s', async () => {
    const { clock, dials, connections } = plain();
    const waiter = new Waiter();
    connections.acquire(waiter, 3_000);
    connections.cancel(waiter);
    const socket = new FakeSocket();
    dials[0]?.resolve(socket);
    await settle();
    expect(waiter.opener).toBeUndefined();
    clock.advance(999);
    expect(socket.destroyed).toBe(false);
    clock.advance(1);
    await settle();
    expect([socket.destroyed, connections.open]).toEqual([true, 0]);
    expect(clock.pending).toBe(0);
  });

  test('a refused connect is the reason of this side, a timeout keeps its own', async () => {
    const { dials, connections, state } = plain({ quarantine: false });
    const waiters = [new Waiter(), new Waiter()];
    for (const waiter of waiters) connections.acquire(waiter, 3_000);
    dials[0]?.reject(new HeddleError('connect_failure', 'refused'));
    dials[1]?.reject(new HeddleError('connect_timeout', 'late'));
    await settle();
    expect(waiters.map((waiter) => waiter.failure?.reason)).toEqual(['app_connect_failure', 'connect_timeout']);
    expect(state.quarantined).toBe(false);
  });
});
