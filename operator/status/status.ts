import { API_VERSION } from '../../crds/labels.ts';
import { type Clock, type Random, systemClock, type Timer } from '../../proxy/base/clock.ts';
import type { Log } from '../../proxy/base/log.ts';
import { createCoverage } from '../controllers/coverage.ts';
import { reconcileMeshAccessPolicy } from '../controllers/meshaccesspolicy.ts';
import { reconcileMeshConfig } from '../controllers/meshconfig.ts';
import { reconcileMeshPolicy } from '../controllers/meshpolicy.ts';
import { createOutsideRanges } from '../controllers/outside-ranges.ts';
import type { Affected, Distributor } from '../distribute/distribute.ts';
import { type Controller, createController, type EventRecorder, type Outcome } from '../kube/kube.ts';
import { type Held, type PolicyKind, policyName, type World } from '../model/model.ts';
import type { StatusContext } from './policy-status.ts';
import { Settling } from './settling.ts';
import type { StatusClient, Subject } from './status-client.ts';
import type { TransitionEvent } from './transitions.ts';
import { isComingBack, unheardPods } from './unheard.ts';
import { StatusWriter } from './writer.ts';

export { createStatusClient, type StatusClient, type Subject } from './status-client.ts';

/** Many acknowledgements make one look at the ledger. */
const GATHER_MS = 50;
/** Statuses written at once. */
const CONCURRENCY = 4;

export interface StatusOptions {
  readonly world: World;
  readonly distributor: Pick<Distributor, 'ledger' | 'isPending' | 'stateOf'>;
  readonly client: StatusClient;
  readonly tell: EventRecorder;
  /** Nothing is written while false. */
  readonly isLeader: () => boolean;
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: Random;
  /** How long proxies may take to come back to a new leader; default 15 s. */
  readonly settleMs?: number;
  readonly onOutcome?: (controller: string, outcome: Outcome['kind']) => void;
}

export interface StatusControllers {
  /** Call after `distributor.worldChanged` with the same value. */
  worldChanged(affected: Affected): void;
  /** The distributor's `onLedgerChange`. */
  ledgerChanged(): void;
  /** This operator leads, and the world is complete (informers synced). */
  start(): void;
  stop(): Promise<void>;
  /** Statuses written since the start. */
  readonly writes: number;
}

/** The controllers of our three kinds, with one writer, and those that only tell events: coverage, and addresses outside of the known networks. */
export function createStatusControllers(options: StatusOptions): StatusControllers {
  const { world, distributor, log } = options;
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const settling = new Settling({
    clock,
    unheard: () => unheardPods(world, (podUid) => distributor.ledger.has(podUid)),
    isComingBack: isComingBack(world),
    ...(options.settleMs === undefined ? {} : { settleMs: options.settleMs }),
  });
  const writer = new StatusWriter({
    client: options.client,
    clock,
    isLeader: options.isLeader,
    tell: (subject, event) => options.tell(eventOf(subject, event)),
  });
  const context: StatusContext = { world, distributor, writer, settling, clock };
  const controller = (name: string, reconcile: (context: StatusContext, key: string) => Promise<Outcome>): Controller =>
    createController({
      name,
      reconcile: (key) => reconcile(context, key),
      clock,
      random,
      log,
      concurrency: CONCURRENCY,
      ...(options.onOutcome === undefined ? {} : { onOutcome: options.onOutcome }),
    });
  const controllers: Readonly<Record<PolicyKind, Controller>> = {
    MeshPolicy: controller('meshpolicy', reconcileMeshPolicy),
    MeshAccessPolicy: controller('meshaccesspolicy', reconcileMeshAccessPolicy),
    MeshConfig: controller('meshconfig', reconcileMeshConfig),
  };
  const coverage = createCoverage({ world, tell: options.tell, clock });
  const outsideRanges = createOutsideRanges({ world, tell: options.tell, clock });
  let timer: Timer | undefined;
  let started = false;

  function look(): void {
    timer = undefined;
    const touched = distributor.ledger.takeTouched();
    enqueue((uid) => touched.all || touched.uids.has(uid));
  }

  function enqueue(concerns: (uid: string) => boolean): void {
    for (const book of [world.meshPolicies, world.meshAccessPolicies, world.meshConfigs]) {
      for (const held of book.values() as Iterable<Held>) {
        const { object } = held;
        if (object !== undefined && concerns(object.uid)) controllers[object.kind].enqueue(policyName(object));
      }
    }
  }

  return {
    worldChanged(affected) {
      if (!started) return;
      if (affected.keys === 'all') enqueue(() => true);
      else if (affected.policies.size > 0) enqueue((uid) => affected.policies.has(uid));
      coverage.worldChanged();
      outsideRanges.worldChanged();
    },
    ledgerChanged() {
      if (started) timer ??= clock.after(GATHER_MS, look);
    },
    start() {
      started = true;
      settling.begin();
      for (const one of Object.values(controllers)) one.start();
      enqueue(() => true);
      coverage.start();
      outsideRanges.start();
    },
    async stop() {
      started = false;
      timer?.clear();
      timer = undefined;
      coverage.stop();
      outsideRanges.stop();
      await Promise.all(Object.values(controllers).map((one) => one.stop()));
    },
    get writes() {
      return writer.writes;
    },
  };
}

function eventOf({ kind, namespace, name, uid }: Subject, event: TransitionEvent): Parameters<EventRecorder>[0] {
  const regarding = { apiVersion: API_VERSION, kind, name, uid, ...(namespace === '' ? {} : { namespace }) };
  return { regarding, action: 'Rollout', ...event };
}
