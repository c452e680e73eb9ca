import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, expect, test } from '@jest/globals';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { metric } from './testing/opened.ts';
import { createSide, type Side } from './testing/side.ts';

const closing: { close(): void }[] = [];
afterEach(() => {
  for (const open of closing.splice(0)) open.close();
});

/** A connection that was accepted, of a client that says nothing. */
class Silent extends PassThrough {
  readonly remoteAddress: string;
  readonly remotePort = 40_000;
  constructor(address: string) {
    super();
    this.remoteAddress = address;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  resetAndDestroy(): this {
    return this.destroy();
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
    const flood = Array.from({ length: 2_148 }, () => arrive(side, '10.9.9.9'));
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
