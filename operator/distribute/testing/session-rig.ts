import { silentLog } from '../../../proxy/base/log.ts';
import { FakeClock, settle } from '../../../proxy/base/testing/fake-clock.ts';
import type { Hello } from '../../../proxy/contract/stream.ts';
import { createDistributor, type Distributor } from '../distribute.ts';
import type { Authenticate, TokenIdentity } from '../hello.ts';
import { affected, FakeMesh } from './fake-mesh.ts';
import { ScriptedWire } from './scripted-wire.ts';

export const KEY = 'service/shop/payment';
const IDENTITY = 'spiffe://cluster.local/ns/shop/sa/order';
export const POD: TokenIdentity = { namespace: 'shop', serviceAccount: 'order', podName: 'order-1', podUid: 'u1' };

/** A distributor on a fake clock, for one proxy: pod `order-1` with uid `u1`. */
export class SessionRig {
  readonly clock = new FakeClock();
  readonly mesh = new FakeMesh();
  readonly distributor: Distributor;
  changes = 0;
  authenticate: Authenticate = () => Promise.resolve({ ok: true, pod: POD });

  constructor() {
    this.mesh.pods.set('u1', 'ready');
    this.distributor = createDistributor({
      world: this.mesh,
      compile: this.mesh.compiler,
      stateOf: this.mesh.stateOf,
      authenticate: (token) => this.authenticate(token),
      operator: 'operator-0',
      log: silentLog,
      onLedgerChange: () => {
        this.changes++;
      },
      clock: this.clock,
      random: () => 0.5,
    });
  }

  accept(identity = IDENTITY, address?: string): ScriptedWire {
    const wire = new ScriptedWire(identity, address);
    this.distributor.acceptWire(wire);
    return wire;
  }

  async open(part: Partial<Hello> = {}): Promise<ScriptedWire> {
    const wire = this.accept();
    wire.deliver(hello(part));
    await settle();
    return wire;
  }

  change(part: Parameters<typeof affected>[0]): void {
    this.distributor.worldChanged(affected(part));
    this.clock.advance(20);
  }
}

export function hello(part: Partial<Hello> = {}): Hello {
  return {
    type: 'hello',
    contract: 1,
    proxyVersion: '0.1.0',
    features: [],
    token: 'secret',
    pod: { namespace: 'shop', name: 'order-1', uid: 'u1', addresses: ['10.1.0.7'] },
    epoch: 1,
    held: [],
    ...part,
  };
}

export const goaways = (wire: ScriptedWire): string[] => wire.ofType('goaway').map((one) => one.reason);
export const updates = (wire: ScriptedWire): string[] => wire.ofType('update').map((one) => `${one.seq} ${one.key}`);
