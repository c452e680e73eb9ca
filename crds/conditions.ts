import type { Condition } from './gen/types.ts';

/** Condition types of our kinds, as Gateway API uses them: CamelCase reasons, `observedGeneration` on each. */
export const CONDITION = {
  /** The spec can be held and its targets exist. */
  accepted: 'Accepted',
  /** Delivered to and acknowledged by all selected proxies. */
  programmed: 'Programmed',
  /** No selected proxy takes a decision under an older generation any more. */
  inForce: 'InForce',
  /** Accepted, nothing rejected, nothing lagging, and each unreachable proxy's pod is itself NotReady or terminating. */
  ready: 'Ready',
  /** True when not Accepted: nothing moves until somebody edits. */
  stalled: 'Stalled',
  /** True when an older policy owns a section that this one sets too; the other sections stay in force. */
  conflicted: 'Conflicted',
} as const;
export type ConditionType = (typeof CONDITION)[keyof typeof CONDITION];

/** Reasons by the condition type that they belong to. Closed: nothing else is ever written. */
export const CONDITION_REASONS = {
  Accepted: [
    'Accepted',
    /** The spec breaks a rule; the last good one stays in force. */
    'Invalid',
    'TargetNotFound',
    /** The Service has no port of that name. */
    'PortNotFound',
    /** Headless and ExternalName Services have no address to route by. */
    'UnsupportedService',
    /** The namespace is being deleted: what was in force stays. */
    'NamespaceTerminating',
    /** A MeshConfig with another name than `default`. */
    'UnsupportedName',
  ],
  /** `Conflicted`: older policies own all of its sections, so no proxy uses it. */
  Programmed: ['Programmed', 'Pending', 'Rejected', 'NotAccepted', 'NoProxies', 'Conflicted'],
  InForce: ['InForce', 'Pending', 'Rejected', 'NotAccepted', 'NoProxies', 'Conflicted'],
  Ready: ['Ready', 'Pending', 'NotAccepted', 'Rejected', 'Lagging', 'Unreachable', 'NoProxies', 'Conflicted'],
  Stalled: ['Stalled', 'Progressing'],
  Conflicted: ['OlderPolicyWins', 'NoConflict'],
} as const satisfies Record<ConditionType, readonly string[]>;
export type ConditionReason<T extends ConditionType> = (typeof CONDITION_REASONS)[T][number];

/** Most characters of a message: six conditions stay far below 8 KiB of status. */
export const MAX_CONDITION_MESSAGE = 900;

/** What a condition says now; its times are kept by `setCondition`. */
export interface ConditionValue<T extends ConditionType = ConditionType> {
  readonly type: T;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: ConditionReason<T>;
  readonly message: string;
}

/**
 * The list with one condition put in place. `lastTransitionTime` moves only when `status` changes.
 * `now` is an ISO 8601 time with seconds (`2026-01-02T03:04:05Z`).
 */
export function setCondition<T extends ConditionType>(
  conditions: readonly Condition[],
  value: ConditionValue<T>,
  observedGeneration: number,
  now: string,
): Condition[] {
  const old = conditions.find((condition) => condition.type === value.type);
  const next: Condition = {
    type: value.type,
    status: value.status,
    reason: value.reason,
    message: clip(value.message),
    observedGeneration,
    lastTransitionTime: old?.status === value.status ? old.lastTransitionTime : now,
  };
  if (old === undefined) return [...conditions, next];
  return conditions.map((condition) => (condition === old ? next : condition));
}

/** Same text and status for the same types in any order; times are ignored. */
export function equalConditions(left: readonly Condition[], right: readonly Condition[]): boolean {
  if (left.length !== right.length) return false;
  return left.every((condition) => {
    const other = right.find((candidate) => candidate.type === condition.type);
    return (
      other !== undefined &&
      other.status === condition.status &&
      other.reason === condition.reason &&
      other.message === condition.message &&
      other.observedGeneration === condition.observedGeneration
    );
  });
}

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: ConditionType,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

function clip(message: string): string {
  return message.length <= MAX_CONDITION_MESSAGE ? message : `${message.slice(0, MAX_CONDITION_MESSAGE - 1)}…`;
}
