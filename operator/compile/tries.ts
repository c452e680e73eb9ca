import { DEFAULT_RETRIES, DEFAULT_TIMEOUTS } from '../../crds/defaults.ts';
import { parseDuration } from '../../crds/durations.ts';
import type { Retries as RetriesSpec, Timeouts as TimeoutsSpec } from '../../crds/gen/types.ts';
import type { Retries, Timeouts } from '../../proxy/contract/snapshot.ts';

/** A duration of a policy, complete. */
export const milliseconds = (text: string | undefined, otherwise: number): number =>
  parseDuration(text ?? '') ?? otherwise;

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
