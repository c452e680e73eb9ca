import type { ServerHttp2Stream } from 'node:http2';
import { type Clock, type Random, systemClock, type Timer } from '../../proxy/base/clock.ts';
import type { Log } from '../../proxy/base/log.ts';
import { PerAddress } from '../per-address.ts';
import { AddressBook } from './address-book.ts';
import { Changes } from './changes.ts';
import { CompileCache } from './compile-cache.ts';
import type { Affected, Compiler } from './compiled.ts';
import { Gate } from './gate.ts';
import { type Authenticate, type GoawayReason, replaces } from './hello.ts';
import { HelloRate } from './hello-rate.ts';
import { Holders } from './holders.ts';
import { Ledger } from './ledger.ts';
import { Preloads } from './preload.ts';
import type { PodState } from './proxy-record.ts';
import { Http2Wire } from './server.ts';
import { Session, type SessionHooks } from './session.ts';
import { Stats } from './stats.ts';
import type { Wire } from './wire.ts';

export type { Affected, Compiled, CompiledAddresses, Compiler, Viewer } from './compiled.ts';
export type { Authenticate, GoawayReason, TokenIdentity } from './hello.ts';
export { Ledger } from './ledger.ts';
export type { PodRef, PodState } from './proxy-record.ts';
export type { Laggard, Rollout, RolloutQuery } from './rollout.ts';
export { LATENCY_BUCKETS, Stats } from './stats.ts';
export type { Wire } from './wire.ts';

/** Streams at once: one a pod; above it new ones are turned away. Kubernetes' own bound for a cluster is 150,000 pods; one operator serves this many. */
const MAX_STREAMS = 10_000;
/** Streams of one address that are not admitted yet: each may hold a message of 1 MiB. Where a network hides pods behind their node, those beyond come back. */
const GREETING_PER_ADDRESS = 32;
/** Tokens checked at once. */
const CHECKS_AT_ONCE = 32;
const TICK_MS = 1_000;

export interface DistributorOptions<World> {
  readonly world: World;
  readonly compile: Compiler<World>;
  readonly authenticate: Authenticate;
  /** What the world says of a pod now. */
  readonly stateOf: (podUid: string) => PodState;
  readonly log: Log;
  /** Name of this operator, told to proxies. */
  readonly operator: string;
  /** The ledger may have changed: ask `ledger.takeTouched()`. Never called while a change is being pushed. */
  readonly onLedgerChange: () => void;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface Distributor {
  /** One `POST /v1/stream` over mutual TLS; `peerIdentity` is the SPIFFE id that TLS verified. */
  acceptStream(stream: ServerHttp2Stream, peerIdentity: string): void;
  /** As `acceptStream`, over any wire: for tests. */
  acceptWire(wire: Wire): void;
  /** Gathered for 20 ms, then compiled and pushed. */
  worldChanged(affected: Affected): void;
  /** True while a change of this policy is not pushed yet: the ledger speaks of before. */
  isPending(policyUid: string): boolean;
  /** This operator does not lead: every stream is told and ended, new ones too; the ledger is forgotten (another one writes it now). */
  goaway(leader?: string): void;
  /** Streams are taken (again). The state at the start. */
  lead(): void;
  readonly ledger: Ledger;
  /** As given in the options: the status asks the same question. */
  readonly stateOf: (podUid: string) => PodState;
  readonly stats: Stats;
  /** Open streams. */
  readonly streams: number;
  stop(): void;
}

export function createDistributor<World>(options: DistributorOptions<World>): Distributor {
  const { world, log, stateOf } = options;
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const ledger = new Ledger(() => changes.ledgerChanged());
  const stats = new Stats();
  const gate = new Gate(CHECKS_AT_ONCE);
  const holders = new Holders();
  const sessions = new Set<Session>();
  const byPod = new Map<string, Session>();
  const greetingPerAddress = new PerAddress(GREETING_PER_ADDRESS);
  /** Of sessions that are not admitted yet: gives their place back. */
  const greeting = new Map<Session, () => void>();
  const helloRate = new HelloRate();
  const preloads = new Preloads((podUid) => keysOf(podUid));
  const cache = new CompileCache({
    compile: (key, viewer) => {
      const compiled = options.compile.compileKey(world, key, viewer);
      return compiled === undefined ? undefined : preloads.apply(compiled, viewer.podUid);
    },
    viewClass: (key, viewer) => options.compile.viewClass(world, key, viewer),
    now: () => clock.now(),
    onFailed: (key, error) => log.error('a key cannot be compiled; proxies keep what they have', { key }, error),
  });
  const addresses = new AddressBook(
    () => options.compile.compileAddresses(world),
    (bytes) => log.error('the address table fits no message; proxies keep the one they have', { bytes }),
  );
  const changes = new Changes({
    clock,
    cache,
    addresses,
    holders,
    ledger,
    byPod,
    sessions,
    onLedgerChange: options.onLedgerChange,
  });
  let refusing: { readonly reason: GoawayReason; readonly leader: string | undefined } | undefined;
  let ticking: Timer | undefined;

  function keysOf(podUid: string): Iterable<string> {
    const session = byPod.get(podUid);
    return session === undefined ? [] : holders.keysOf(session);
  }

  function acceptWire(wire: Wire): void {
    const session = new Session({
      wire,
      clock,
      random,
      log,
      ledger,
      cache,
      addresses,
      stats,
      gate,
      authenticate: options.authenticate,
      operator: options.operator,
      hooks: {
        admit,
        onHold: (one, key) => holders.hold(one, key),
        onRelease: (one, key) => holders.release(one, key),
        onClosed,
      },
    });
    sessions.add(session);
    const leave = greetingPerAddress.take(wire.peer.slice(0, wire.peer.lastIndexOf(':')));
    if (leave !== undefined) greeting.set(session, leave);
    if (refusing !== undefined) session.close(refusing.reason, refusing.leader);
    else if (sessions.size > MAX_STREAMS || leave === undefined) session.close('overloaded');
  }

  function greeted(session: Session): void {
    greeting.get(session)?.();
    greeting.delete(session);
  }

  const admit: SessionHooks['admit'] = (session, hello, token) => {
    if (stateOf(token.podUid) === 'gone') return { reason: 'pod_gone', message: `pod ${token.podName} is gone` };
    if (!helloRate.take(token.podUid, clock.now()))
      return { reason: 'flooding', message: `pod ${token.podName} opens streams in a loop` };
    const current = byPod.get(token.podUid);
    const record = current?.record;
    if (current !== undefined && record !== undefined) {
      const stream = {
        epoch: current.hello?.epoch ?? 0,
        instance: current.hello?.instance,
        reachable: record.reachable,
      };
      if (!replaces(hello, stream))
        return { reason: 'superseded', message: `epoch ${hello.epoch} is older than ${stream.epoch}` };
      current.close('superseded');
    }
    byPod.set(token.podUid, session);
    greeted(session);
    return undefined;
  };

  function onClosed(session: Session, podUid: string | undefined): void {
    sessions.delete(session);
    greeted(session);
    holders.releaseAll(session);
    if (podUid === undefined || byPod.get(podUid) !== session) return;
    byPod.delete(podUid);
    const record = ledger.record(podUid);
    if (record !== undefined) ledger.disconnect(record);
  }

  function tick(): void {
    for (const podUid of ledger.tick(clock.now(), stateOf)) {
      byPod.get(podUid)?.close('pod_gone');
      cache.invalidateWorkload(podUid);
      preloads.forget(podUid);
      helloRate.forget(podUid);
    }
    ticking = clock.after(TICK_MS, tick);
  }

  function closeAll(reason: GoawayReason, leader?: string): void {
    refusing = { reason, leader };
    for (const session of [...sessions]) session.close(reason, leader);
  }

  ticking = clock.after(TICK_MS, tick);
  return {
    acceptStream: (stream, peerIdentity) => acceptWire(new Http2Wire(stream, peerIdentity, clock)),
    acceptWire,
    worldChanged: (affected) => changes.add(affected),
    isPending: (policyUid) => changes.isPending(policyUid),
    goaway(leader) {
      closeAll('not_leader', leader);
      ledger.clear();
      preloads.clear();
      helloRate.clear();
    },
    lead() {
      refusing = undefined;
    },
    ledger,
    stateOf,
    stats,
    get streams() {
      return sessions.size;
    },
    stop() {
      closeAll('shutting_down');
      ticking?.clear();
      changes.stop();
    },
  };
}
