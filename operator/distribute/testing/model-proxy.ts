import type { Key } from '../../../proxy/contract/snapshot.ts';
import type { Hello, OperatorMessage, ProxyMessage, Update } from '../../../proxy/contract/stream.ts';
import { CONTRACT_VERSION } from '../../../proxy/contract/version.ts';
import { ScriptedWire } from './scripted-wire.ts';

interface Applied {
  readonly version: string;
  /** Policy uid to generation. Empty and `guess` for content restored without provenance. */
  readonly generations: ReadonlyMap<string, number>;
  readonly seq: number;
}

export interface ModelPod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}

/**
 * A proxy that does what the contract says, one step at a time and as late as a test wants: it applies, acknowledges, and
 * goes on deciding under older configuration until `settle`.
 */
export class ModelProxy {
  readonly pod: ModelPod;
  wire: ScriptedWire | undefined;
  /** Messages that the operator sent and the proxy has not read. */
  inbox: OperatorMessage[] = [];
  /** Messages that the proxy sent and the operator has not read. */
  outbox: ProxyMessage[] = [];
  /** Key to everything under which decisions are still taken; the last is the newest. */
  readonly deciding = new Map<Key, Applied[]>();
  addressesVersion: string | undefined;
  addresses: Record<string, Key> = {};
  refuse: (update: Update) => string | undefined = () => undefined;
  #epoch = 0;
  #instance = 1;
  #lastSeq = 0;

  constructor(pod: ModelPod) {
    this.pod = pod;
  }

  get identity(): string {
    return `spiffe://cluster.local/ns/${this.pod.namespace}/sa/order`;
  }

  hello(): Hello {
    return {
      type: 'hello',
      contract: CONTRACT_VERSION,
      proxyVersion: '0.1.0',
      features: [],
      token: this.pod.uid,
      pod: { ...this.pod, addresses: ['10.1.0.7'] },
      epoch: this.#epoch,
      instance: `${this.pod.uid}-${this.#instance}`,
      held: [...this.deciding].flatMap(([key, applied]) => {
        const newest = applied.at(-1);
        return newest === undefined ? [] : [{ key, version: newest.version }];
      }),
      ...(this.addressesVersion === undefined ? {} : { addresses: this.addressesVersion }),
    };
  }

  connect(): ScriptedWire {
    this.#epoch++;
    this.#lastSeq = 0;
    this.inbox = [];
    this.outbox = [this.hello()];
    for (const applied of this.deciding.values())
      for (let at = 0; at < applied.length; at++) applied[at] = { ...applied[at]!, seq: 0 };
    const blank = [...this.deciding].filter(([, applied]) => applied.length === 0).map(([key]) => key);
    if (blank.length > 0) this.outbox.push({ type: 'subscribe', keys: blank });
    const wire = new ScriptedWire(this.identity, this.pod.uid);
    wire.onSent = (message) => {
      if (this.wire === wire) this.inbox.push(message);
    };
    this.wire = wire;
    return wire;
  }

  disconnect(): void {
    const wire = this.wire;
    this.wire = undefined;
    this.inbox = [];
    this.outbox = [];
    wire?.drop();
  }

  /** The process dies and comes back with its last good copy: nothing older runs any more. */
  restart(): void {
    this.disconnect();
    this.#epoch = 0;
    this.#instance++;
    for (const [key, applied] of this.deciding) this.deciding.set(key, applied.slice(-1));
  }

  subscribe(key: Key): void {
    if (!this.deciding.has(key)) this.deciding.set(key, []);
    this.outbox.push({ type: 'subscribe', keys: [key] });
  }

  unsubscribe(key: Key): void {
    this.deciding.delete(key);
    this.outbox.push({ type: 'unsubscribe', keys: [key] });
  }

  /** Reads one message. */
  read(): boolean {
    const message = this.inbox.shift();
    if (message === undefined) return false;
    if (message.type === 'update') this.#apply(message);
    else if (message.type === 'ping') this.outbox.push({ type: 'pong', id: message.id });
    else if (message.type === 'addresses') {
      const base = message.base === undefined ? {} : { ...this.addresses };
      for (const address of message.remove) delete base[address];
      this.addresses = { ...base, ...message.set };
      this.addressesVersion = message.version;
    }
    return true;
  }

  /** Lets one message reach the operator. */
  flush(): boolean {
    const message = this.outbox.shift();
    if (message === undefined) return false;
    this.wire?.deliver(message);
    return true;
  }

  /** Everything decided under older configuration ends; says so. */
  settle(): void {
    for (const [key, applied] of this.deciding) this.deciding.set(key, applied.slice(-1));
    if (this.#lastSeq > 0) this.outbox.push({ type: 'report', inForce: this.#lastSeq, draining: 0 });
  }

  /** Reads, answers and settles until nothing moves. */
  run(): void {
    for (let moved = true; moved; ) {
      moved = false;
      while (this.read()) moved = true;
      if (moved) this.settle();
      while (this.flush()) moved = true;
    }
  }

  #apply(update: Update): void {
    this.#lastSeq = update.seq;
    const applied = this.deciding.get(update.key) ?? (update.key === 'workload' ? [] : undefined);
    const newest = applied?.at(-1);
    const problem =
      update.content === undefined && applied !== undefined && newest?.version !== update.version
        ? `does not hold version ${update.version}`
        : this.refuse(update);
    if (problem !== undefined) {
      this.outbox.push({ type: 'nack', seq: update.seq, errors: [{ path: update.key, message: problem }] });
      return;
    }
    const generations = new Map(update.provenance.map((one) => [one.uid, one.generation]));
    if (applied !== undefined) {
      applied.push({ version: update.version, generations, seq: update.seq });
      this.deciding.set(update.key, applied);
    }
    this.outbox.push({ type: 'ack', seq: update.seq });
  }
}
