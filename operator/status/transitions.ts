import type { Condition, PolicyStatus } from '../../crds/gen/types.ts';

/** An event about a policy: told once, on a change of state. */
export interface TransitionEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
}

/** Pure: what is worth an event between two statuses. Counters never are. */
export function transitions(before: PolicyStatus | undefined, after: PolicyStatus): TransitionEvent[] {
  const events: TransitionEvent[] = [];
  const changed = (type: string): Condition | undefined => {
    const next = find(after, type);
    const old = find(before, type);
    if (next === undefined || (old?.status === next.status && old.reason === next.reason)) return undefined;
    return next;
  };
  const accepted = changed('Accepted');
  if (accepted?.status === 'False') events.push({ type: 'Warning', reason: accepted.reason, note: accepted.message });
  else if (accepted?.status === 'True' && find(before, 'Accepted') !== undefined) {
    events.push({ type: 'Normal', reason: 'Accepted', note: accepted.message });
  }
  const ready = changed('Ready');
  if (ready?.status === 'False' && isTrouble(ready.reason)) {
    events.push({ type: 'Warning', reason: ready.reason, note: ready.message });
  }
  const inForce = find(after, 'InForce');
  const was = find(before, 'InForce');
  const isNews = was?.status !== 'True' || was.observedGeneration !== inForce?.observedGeneration;
  if (inForce?.status === 'True' && isNews)
    events.push({ type: 'Normal', reason: inForce.reason, note: inForce.message });
  const conflicted = changed('Conflicted');
  if (conflicted?.status === 'True') {
    events.push({ type: 'Warning', reason: 'Conflicted', note: conflicted.message });
  }
  return events;
}

function find(status: PolicyStatus | undefined, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** `NotAccepted` is told by Accepted, `Pending` is no trouble yet. */
function isTrouble(reason: string): boolean {
  return reason === 'Rejected' || reason === 'Lagging' || reason === 'Unreachable';
}
