/** What coordination.k8s.io/v1 Lease holds, as plain data. `holder` empty = released. */
export interface LeaseRecord {
  readonly holder: string;
  readonly durationMs: number;
  readonly transitions: number;
  /** `metadata.resourceVersion` of what was read. */
  readonly version: string;
}

/** A record and when this process first saw it in this form: clocks of other machines are never compared (client-go does the same). */
export interface Observed {
  readonly record: LeaseRecord;
  readonly atMs: number;
}

export type LeaseStep =
  | { readonly kind: 'create' }
  /** Ours: write again. */
  | { readonly kind: 'renew'; readonly transitions: number }
  /** Released, expired, or held by an earlier process of this same pod. */
  | { readonly kind: 'take'; readonly transitions: number }
  | { readonly kind: 'follow'; readonly holder: string };

/**
 * `isMissing`: there was a lease, and somebody deleted it. That releases nobody: its holder writes it again, and others wait as long as
 * for a lease that is not renewed.
 * `leading`: this process holds it now. Our name in the record without `leading` is an earlier process of this pod,
 * which the kubelet has seen end: no need to wait for its lease to run out.
 */
export function decideLease(
  observed: Observed | undefined,
  me: string,
  leading: boolean,
  nowMs: number,
  isMissing = false,
): LeaseStep {
  if (observed === undefined) return { kind: 'create' };
  const { record, atMs } = observed;
  if (isMissing) {
    const isFree = record.holder === me || record.holder === '' || nowMs - atMs >= record.durationMs;
    return isFree ? { kind: 'create' } : { kind: 'follow', holder: record.holder };
  }
  if (record.holder === me) return leading ? { kind: 'renew', transitions: record.transitions } : take(record);
  if (record.holder === '' || nowMs - atMs >= record.durationMs) return take(record);
  return { kind: 'follow', holder: record.holder };
}

function take(record: LeaseRecord): LeaseStep {
  return { kind: 'take', transitions: record.transitions + 1 };
}

/** The observation to keep: the time of the first sight stays while the record does not change. */
export function observe(held: Observed | undefined, record: LeaseRecord, nowMs: number): Observed {
  return held !== undefined && held.record.version === record.version ? held : { record, atMs: nowMs };
}
