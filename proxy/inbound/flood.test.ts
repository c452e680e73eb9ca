import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import type { AcceptMeshOptions, MeshServer } from '../mesh/mesh.ts';
import { createTestAuthority } from '../tls/testing/authority.ts';
import { hello } from './testing/hello.ts';
import { metric } from './testing/opened.ts';
import { createSide, type Side } from './testing/side.ts';

const closing: { close(): void }[] = [];
afterEach(() => {
  for (const open of closing.splice(0)) open.close();
});

/** A connection that was accepted, of a client that says nothing or one thing. Thousands of it are made: no stream. */
class Silent extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort = 40_000;
  destroyed = false;
  constructor(address: string) {
    super();
    this.remoteAddress = address;
  }
  says(bytes: Buffer): void {
    this.emit('data', bytes);
  }
  pause(): void {}
  resume(): void {}
  setNoDelay(): void {}
  setKeepAlive(): void {}
  resetAndDestroy(): void {
    this.destroy();
  }
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

function arrive(side: Side, address: string): Silent {
  const silent = new Silent(address);
  side.inbound.accept(silent as unknown as Socket, { address: '127.0.0.1', port: 3000, redirected: true });
  return silent;
}

test.each(['Strict', 'Permissive'] as const)(
  '%s: an address that only opens connections is bounded; others are taken meanwhile, and itself when it is decided',
  async (mode) => {
    const clock = new FakeClock();
    const dial = () => new Promise<never>(() => {});
    const side = createSide({ name: 'payment', clock, dial, workload: { mtls: { mode, ports: [] } } });
    closing.push(side);
    const flood = Array.from({ length: 4_196 }, () => arrive(side, '10.9.9.9'));
    expect(flood.filter((one) => one.destroyed).length).toBe(100);
    const refused = ['heddle_connections_refused_total', 'reason="overloaded"', 'inbound'];
    expect(metric(side.metrics.text(), ...refused)).toBe(100);
    expect(arrive(side, '10.9.9.8').destroyed).toBe(false);
    // Strict: the time for a handshake is over. Permissive: silence was taken for plaintext.
    clock.advance(10_000);
    await settle();
    expect(arrive(side, '10.9.9.9').destroyed).toBe(false);
    for (const one of flood) one.destroy();
  },
);

test('a verified peer keeps so many connections open from an address; others come in, and itself when one closes', async () => {
  const opened: AcceptMeshOptions[] = [];
  const acceptMesh = (options: AcceptMeshOptions): MeshServer => {
    opened.push(options);
    const identity = 'spiffe://test.local/ns/shop/sa/order';
    queueMicrotask(() => options.onOpen?.(identity));
    return { identity, active: 0, trustedBy: () => true, drain() {}, close: () => options.onClose?.() };
  };
  const credentials = await (await createTestAuthority('test.local')).issue('spiffe://test.local/ns/shop/sa/payment');
  const side = createSide({ name: 'payment', clock: new FakeClock(), acceptMesh, credentials });
  closing.push(side);
  const handshake = async (address: string): Promise<Silent> => {
    const socket = arrive(side, address);
    socket.says(hello('heddle/1'));
    await settle();
    return socket;
  };
  const peer = [];
  for (let count = 0; count < 1_034; count++) peer.push(await handshake('10.9.9.9'));
  expect([opened.length, peer.filter((one) => one.destroyed).length]).toEqual([1_024, 10]);
  expect((await handshake('10.9.9.8')).destroyed).toBe(false);
  opened[0]?.onClose?.();
  expect((await handshake('10.9.9.9')).destroyed).toBe(false);
  expect((await handshake('10.9.9.9')).destroyed).toBe(true);
});
