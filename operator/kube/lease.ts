import type { Clock, Random } from '../../proxy/base/clock.ts';
import type { Log } from '../../proxy/base/log.ts';
import { Cell, type Watch } from '../../proxy/base/watch.ts';
import type { KubeClient } from './client.ts';
import { isConflict, isNotFound } from './kube-error.ts';
import { decideLease, type LeaseRecord, type LeaseStep, type Observed, observe } from './lease-decision.ts';
import { pause } from './pause.ts';
import { apiVersionOf, type KubeObject, type ObjectRef, RESOURCES } from './resource.ts';

export type Leadership =
  | { readonly kind: 'leader'; readonly transitions: number }
  /** `holder` empty = not known yet. */
  | { readonly kind: 'follower'; readonly holder: string };

export interface ElectionOptions {
  readonly client: KubeClient;
  readonly lease: Required<ObjectRef>;
  /** Unique per pod (name and address): the same for every process of one pod. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly timing?: LeaseTiming;
}

/** All in milliseconds. `fence` < `duration`: who could not renew for `fence` stops leading before anybody else may begin. */
export interface LeaseTiming {
  readonly duration: number;
  readonly fence: number;
  readonly retry: number;
}

export interface Election {
  readonly leadership: Watch<Leadership>;
  /** The fence: true only while the lease is certainly ours. Ask right before each act that only a leader may do. */
  isLeader(): boolean;
  start(): void;
  /** Gives the lease back, so that another takes over within one `retry`. */
  stop(): Promise<void>;
}

/** A killed leader on a lost node is replaced within duration + retry = 12 s; a stopped one within 2 s; 0.5 writes a second. */
export const LEASE_TIMING: LeaseTiming = { duration: 10_000, fence: 7_000, retry: 2_000 };

interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number | null;
    readonly leaseTransitions?: number | null;
    readonly acquireTime?: string | null;
    readonly renewTime?: string | null;
  };
}

/** Leader election over a Lease, as client-go's, with a fence. */
export function createElection(options: ElectionOptions): Election {
  const { client, clock, identity } = options;
  const log = options.log.with({ lease: options.lease.name, identity });
  const timing = options.timing ?? LEASE_TIMING;
  const leadership = new Cell<Leadership>({ kind: 'follower', holder: '' });
  const stopping = new AbortController();
  let observed: Observed | undefined;
  /** The last read, or write, found no lease. */
  let isMissing = false;
  /** Start of the last write that succeeded: the server's record is at least this young. */
  let renewedAt = Number.NEGATIVE_INFINITY;
  let fenceTimer = clock.after(0, () => {});
  let acquireTime = '';
  let running: Promise<void> | undefined;

  const held = (): boolean => leadership.value.kind === 'leader' && clock.now() - renewedAt < timing.fence;

  const lead = (startedAt: number, transitions: number): void => {
    renewedAt = startedAt;
    fenceTimer.clear();
    fenceTimer = clock.after(startedAt + timing.fence - clock.now(), () =>
      follow('', 'the lease could not be renewed in time'),
    );
    if (leadership.value.kind === 'leader') return;
    log.info('leading', { transitions });
    leadership.set({ kind: 'leader', transitions });
  };

  const follow = (holder: string, why: string): void => {
    fenceTimer.clear();
    const before = leadership.value;
    if (before.kind === 'follower' && before.holder === holder) return;
    if (before.kind === 'leader') log.warn('no longer leading', { why, holder });
    leadership.set({ kind: 'follower', holder });
  };

  const read = async (): Promise<void> => {
    const lease = await client.find<Lease>(RESOURCES.leases, options.lease);
    isMissing = lease === undefined;
    if (lease !== undefined) observed = observe(observed, recordOf(lease), clock.now());
  };

  const write = async (step: LeaseStep & { transitions?: number }, startedAt: number): Promise<void> => {
    const now = new Date(clock.wall()).toISOString().replace('Z', '000Z');
    if (step.kind !== 'renew') acquireTime = now;
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(timing.duration / 1000),
      acquireTime,
      renewTime: now,
      leaseTransitions: step.transitions ?? 0,
    };
    const lease = await save(options, spec, step.kind === 'create' ? undefined : observed?.record.version);
    observed = observe(undefined, recordOf(lease), clock.now());
    isMissing = false;
    // An answer that came too late proves nothing any more.
    const inTime = clock.now() - startedAt < timing.fence;
    if (inTime && !stopping.signal.aborted) lead(startedAt, step.transitions ?? 0);
  };

  const turn = async (): Promise<void> => {
    const startedAt = clock.now();
    // A leader knows the version it wrote last and saves the read; a conflict makes it read again.
    if (!held() || observed === undefined || isMissing) await read();
    const step = decideLease(observed, identity, held(), clock.now(), isMissing);
    if (step.kind === 'follow') follow(step.holder, 'another replica holds the lease');
    else await write(step, startedAt);
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await turn();
      } catch (error) {
        if (isConflict(error)) observed = undefined;
        if (isNotFound(error)) isMissing = true;
        if (!isConflict(error)) log.warn('the lease cannot be read or written', {}, error);
      }
      await pause(clock, timing.retry * (0.75 + options.random() * 0.25), stopping.signal);
    }
  };

  const release = async (): Promise<void> => {
    follow('', 'this replica is stopping');
    // Also when the last write came through only while stopping: the server's record holds our name, and others would wait for its end.
    if (observed?.record.holder !== identity) return;
    const spec = { holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: observed.record.transitions };
    await save(options, spec, observed.record.version).catch((error) =>
      log.warn('the lease was not given back', {}, error),
    );
  };

  return {
    leadership,
    isLeader: held,
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
      await release();
    },
  };
}

function recordOf(lease: Lease): LeaseRecord {
  return {
    holder: lease.spec?.holderIdentity ?? '',
    durationMs: (lease.spec?.leaseDurationSeconds ?? 0) * 1000,
    transitions: lease.spec?.leaseTransitions ?? 0,
    version: lease.metadata.resourceVersion ?? '',
  };
}

function save(options: ElectionOptions, spec: NonNullable<Lease['spec']>, version: string | undefined): Promise<Lease> {
  const metadata = { ...options.lease, ...(version === undefined ? {} : { resourceVersion: version }) };
  const lease: Lease = { apiVersion: apiVersionOf(RESOURCES.leases), kind: RESOURCES.leases.kind, metadata, spec };
  return version === undefined
    ? options.client.create<Lease>(RESOURCES.leases, lease)
    : options.client.replace<Lease>(RESOURCES.leases, lease);
}
