import {
  DEFAULT_CONNECTION,
  DEFAULT_LOAD_BALANCING,
  DEFAULT_ON_EMPTY,
  DEFAULT_RETRIES,
  DEFAULT_TIMEOUTS,
  DEFAULT_UNMATCHED,
} from '../../crds/defaults.ts';
import { parseDuration } from '../../crds/durations.ts';
import type {
  MeshDefaults,
  Retries as RetriesSpec,
  Timeouts as TimeoutsSpec,
  TrafficDefaults,
} from '../../crds/gen/types.ts';
import type { Retries, Timeouts, Traffic } from '../../proxy/contract/snapshot.ts';
import { type Attached, nearest, routesOwner } from '../model/model.ts';
import { compileRoutes } from './routes.ts';

const milliseconds = (text: string | undefined, otherwise: number): number => parseDuration(text ?? '') ?? otherwise;

export function compileTimeouts(spec: TimeoutsSpec | undefined): Timeouts {
  return {
    requestMs: milliseconds(spec?.request, DEFAULT_TIMEOUTS.requestMs),
    perTryMs: milliseconds(spec?.perTry, DEFAULT_TIMEOUTS.perTryMs),
    streamIdleMs: milliseconds(spec?.streamIdle, DEFAULT_TIMEOUTS.streamIdleMs),
  };
}

/** Lists are sorted, so that their order in the policy does not count. */
export function compileRetries(spec: RetriesSpec | undefined): Retries {
  return {
    attempts: spec?.attempts ?? DEFAULT_RETRIES.attempts,
    on: [...(spec?.retryOn ?? DEFAULT_RETRIES.on)].sort(),
    statuses: [...(spec?.statuses ?? DEFAULT_RETRIES.statuses)].sort((left, right) => left - right),
    methods: [...(spec?.methods ?? DEFAULT_RETRIES.methods)].sort(),
    ...(spec?.idempotencyKeyHeader === undefined
      ? {}
      : { idempotencyKeyHeader: spec.idempotencyKeyHeader.toLowerCase() }),
    backoff: {
      baseMs: milliseconds(spec?.backoff?.base, DEFAULT_RETRIES.backoff.baseMs),
      maxMs: milliseconds(spec?.backoff?.max, DEFAULT_RETRIES.backoff.maxMs),
    },
    budget: { ...(spec?.budget ?? DEFAULT_RETRIES.budget) },
  };
}

/** The section `defaults` that holds for a call: the nearest policy's, whole, else MeshConfig's. */
export function effectiveDefaults(attached: readonly Attached[], mesh: MeshDefaults): TrafficDefaults {
  return nearest(attached, 'defaults')?.policy.spec.defaults ?? mesh;
}

/** What all policies together say of the calls to one port, complete. `attached` as `attachedTo` orders it. */
export function compileTraffic(attached: readonly Attached[], mesh: MeshDefaults): Traffic {
  const defaults = effectiveDefaults(attached, mesh);
  const owner = routesOwner(attached)?.policy.spec;
  const balancing = nearest(attached, 'loadBalancing')?.policy.spec.loadBalancing ?? mesh.loadBalancing;
  const pool = nearest(attached, 'connectionPool')?.policy.spec.connectionPool ?? mesh.connectionPool;
  return {
    routes: compileRoutes(owner?.routes ?? [], defaults),
    unmatched: {
      action: owner?.unmatched ?? DEFAULT_UNMATCHED,
      timeouts: compileTimeouts(defaults.timeouts),
      retries: compileRetries(defaults.retries),
    },
    subsets: (owner?.subsets ?? []).map(({ name, onEmpty }) => ({ name, onEmpty: onEmpty ?? DEFAULT_ON_EMPTY })),
    loadBalancing: { policy: balancing?.policy ?? DEFAULT_LOAD_BALANCING },
    connection: {
      connectTimeoutMs: milliseconds(pool?.connectTimeout, DEFAULT_CONNECTION.connectTimeoutMs),
      idleTimeoutMs: milliseconds(pool?.idleTimeout, DEFAULT_CONNECTION.idleTimeoutMs),
    },
  };
}
