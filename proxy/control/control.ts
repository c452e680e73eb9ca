import type { Clock, Random, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Watch } from '../base/watch.ts';
import type { OperatorEnvelope, UpdateEnvelope } from '../contract/decode.ts';
import { type Key, WORKLOAD_KEY } from '../contract/snapshot.ts';
import type { Hello } from '../contract/stream.ts';
import { CONTRACT_VERSION } from '../contract/version.ts';
import type { Credentials } from '../tls/credentials.ts';
import { type Applier, createApplier } from './apply.ts';
import type { LastGood } from './last-good.ts';
import type { OpenLink } from './link.ts';
import { createReporter } from './reporter.ts';
import type { Control, ControlStore } from './source.ts';
import { createStreamClient } from './stream-client.ts';
import { createSubscriptions } from './subscriptions.ts';

/** Door of the room: where configuration comes from. */
export type { InForce } from './apply.ts';
export { createFileControl } from './file-control.ts';
export { createLastGood, type LastGood } from './last-good.ts';
export { createOpenLink } from './link.ts';
export type { Control, ControlStore } from './source.ts';

export interface ControlOptions {
  readonly target: string;
  readonly credentials: Watch<Credentials | undefined>;
  readonly store: ControlStore;
  readonly lastGood: LastGood;
  readonly open: OpenLink;
  readonly readToken: () => Promise<string>;
  readonly own: { readonly namespace: string; readonly serviceAccount: string; readonly trustDomain: string };
  readonly pod: Hello['pod'];
  readonly proxyVersion: string;
  /** Random text, the same for the life of this process. */
  readonly instance: string;
  /** From the init container's report. */
  readonly serviceAddressSurvives: boolean | undefined;
  /** Default 30 min. */
  readonly unusedMs?: number;
  /** Keys held at once; default 10,000, as the operator takes. */
  readonly maxKeys?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}

const UNUSED_MS = 30 * 60_000;
/** A stream that comes back sooner (a new leader, a renewed certificate) refuses nobody: who wants a new key waits up to 2 s anyway. */
const GRACE_MS = 1_000;
/** Keys a subscribe message; the contract allows 1,000. */
const KEYS_A_MESSAGE = 1_000;

/** The operator takes messages of 1 MiB from a proxy; token and the rest of a hello need less than a quarter of it. */
const MAX_HELD_BYTES = 768 * 1_024;
/** `{"key":"","version":""},` */
const HELD_OVERHEAD_BYTES = 24;

/** Keeps the store in step with the operator, and with the kept copy while there is none. */
export function createControl(options: ControlOptions): Control {
  const { store, clock, log, lastGood } = options;
  const counters = createCounters(options.metrics);
  const applier = createApplier({ store, lastGood, log, own: options.own });
  const unusedMs = options.unusedMs ?? UNUSED_MS;
  const subscriptions = createSubscriptions({
    clock,
    unusedMs,
    lastUsed: (key) => store.lastUsed(key),
    ...(options.maxKeys === undefined ? {} : { maxKeys: options.maxKeys }),
  });
  const reporter = createReporter({ clock, draining: () => store.draining(), send: (report) => client.send(report) });
  let sweep: Timer | undefined;
  let grace: Timer | undefined;
  /** Keys wanted in this turn: told in one message. */
  const fresh = new Set<Key>();

  const want = (key: Key): void => {
    // Nothing is dropped while the operator could not give it back.
    if (subscriptions.full && !subscriptions.has(key) && client.state.kind === 'connected') {
      giveUp(subscriptions.takeOldest());
    }
    const added = subscriptions.add(key);
    if (client.state.kind !== 'connected') restoreMissing(key);
    else if (added) tell(key);
  };
  const restoreMissing = (key: Key): void => {
    if (subscriptions.has(key) && !applier.inForce.has(key)) applier.restore(key);
  };
  const tell = (key: Key): void => {
    if (fresh.size === 0) queueMicrotask(subscribeFresh);
    fresh.add(key);
  };
  const subscribeFresh = (): void => {
    subscribe([...fresh]);
    fresh.clear();
  };
  const subscribe = (keys: readonly Key[]): void => {
    for (let at = 0; at < keys.length; at += KEYS_A_MESSAGE) {
      client.send({ type: 'subscribe', keys: keys.slice(at, at + KEYS_A_MESSAGE) });
    }
  };

  const update = (message: UpdateEnvelope): void => {
    // Given up while this was on its way.
    const unwanted = message.key !== WORKLOAD_KEY && !subscriptions.has(message.key);
    const answer = unwanted ? ({ kind: 'ack' } as const) : applier.update(message);
    counters.updates.child([answer.kind]).inc();
    if (answer.kind === 'nack') {
      log.warn('configuration refused, nothing changed', { key: message.key, why: describe(answer.errors) });
      client.send({ type: 'nack', seq: message.seq, errors: answer.errors });
      return;
    }
    client.send({ type: 'ack', seq: message.seq });
    reporter.applied(message.seq);
    if (message.key === WORKLOAD_KEY) preload(message);
  };
  const preload = (message: UpdateEnvelope): void => {
    const content = message.content;
    if (typeof content !== 'object' || content === null || !('preload' in content)) return;
    // Decoded already: the applier took it.
    for (const key of content.preload as readonly Key[]) want(key);
  };

  const giveUpUnused = (): void => {
    sweep = clock.after(Math.max(100, Math.min(60_000, unusedMs / 10)), giveUpUnused);
    // Nothing is dropped while the operator could not give it back.
    if (client.state.kind !== 'connected') return;
    giveUp(subscriptions.takeUnused());
  };
  const giveUp = (keys: readonly Key[]): void => {
    for (const key of keys) applier.drop(key);
    for (let at = 0; at < keys.length; at += KEYS_A_MESSAGE) {
      client.send({ type: 'unsubscribe', keys: keys.slice(at, at + KEYS_A_MESSAGE) });
    }
  };

  const client = createStreamClient({
    ...options,
    hello: async (epoch) => makeHello(options, applier, epoch, await options.readToken()),
    handler: {
      onConnected(hello) {
        grace?.clear();
        store.setControlState('connected');
        counters.connected.set(1);
        const told = new Set(hello.held.map((one) => one.key));
        subscribe([...subscriptions.keys()].filter((key) => !told.has(key)));
      },
      onDisconnected() {
        grace = clock.after(GRACE_MS, () => store.setControlState('disconnected'));
        counters.connected.set(0);
        reporter.reset();
        // Asked for and not answered: what was in force before is better than a refusal.
        for (const key of subscriptions.keys()) restoreMissing(key);
      },
      onMessage(message: OperatorEnvelope) {
        if (message.type === 'update') update(message);
        else if (message.type === 'addresses' && !applier.setAddresses(message))
          client.restart('a difference to another address table');
      },
      onBatchEnd: () => reporter.flush(),
    },
  });

  return {
    get connected() {
      return client.state.kind === 'connected';
    },
    get state() {
      return client.state.kind;
    },
    inForce: applier.inForce,
    get addressesVersion() {
      return applier.addressesVersion;
    },
    start() {
      store.onWanted = want;
      store.setControlState('disconnected');
      if (applier.restore(WORKLOAD_KEY)) log.info('the kept configuration is in force until the operator answers');
      applier.restoreAddresses();
      client.start();
      giveUpUnused();
    },
    stop() {
      sweep?.clear();
      reporter.reset();
      client.stop();
      grace?.clear();
      lastGood.flush();
    },
  };
}

function makeHello(options: ControlOptions, applier: Applier, epoch: number, token: string): Hello {
  const survives = options.serviceAddressSurvives;
  return {
    type: 'hello',
    contract: CONTRACT_VERSION,
    proxyVersion: options.proxyVersion,
    features: [],
    token,
    pod: options.pod,
    epoch,
    instance: options.instance,
    held: heldList(applier),
    ...(applier.addressesVersion === undefined ? {} : { addresses: applier.addressesVersion }),
    ...(survives === undefined ? {} : { serviceAddressSurvives: survives }),
  };
}

/** What does not fit is subscribed after the welcome, and its content sent again. */
function heldList(applier: Applier): Hello['held'] {
  const held: Hello['held'][number][] = [];
  let bytes = 0;
  for (const [key, { version }] of applier.inForce) {
    bytes += key.length + version.length + HELD_OVERHEAD_BYTES;
    if (bytes > MAX_HELD_BYTES) break;
    held.push({ key, version });
  }
  return held;
}

function createCounters(metrics: Metrics) {
  return {
    connected: metrics.gauge('heddle_control_connected', '1 while the configuration stream is open.').child(),
    updates: metrics.counter('heddle_control_updates_total', 'Configuration updates by answer.', ['answer']),
  };
}

function describe(errors: readonly { readonly path: string; readonly message: string }[]): string {
  return errors.map((error) => `${error.path}: ${error.message}`).join('; ');
}
