import {
  CONDITION,
  type ConditionReason,
  type ConditionType,
  type ConditionValue,
  setCondition,
} from '../../crds/conditions.ts';
import type { Condition, PolicyStatus } from '../../crds/gen/types.ts';
import type { Rollout } from '../distribute/distribute.ts';
import type { Claims } from '../model/model.ts';
import type { RollupInput } from './rollup-input.ts';
import {
  CLOSED_FORM,
  conflictSentence,
  inForceSentence,
  invalidSentence,
  noProxiesSentence,
  notReadySentence,
  programmedSentence,
  targetColumn,
  targetsSentence,
  unmeshedSentence,
} from './sentences.ts';

type Values = { readonly [Type in ConditionType]?: Omit<ConditionValue<Type>, 'type'> };

/**
 * Pure: the status. `previous` gives the times of conditions that did not change; `now` is ISO 8601 with seconds.
 *
 * One thing is stricter than the house plan's words: `Ready` waits for every proxy that gives no excuse, also in the first 5 s
 * before it would lag; else `kubectl wait --for=condition=Ready` would return before anything happened.
 */
export function rollup(given: RollupInput, previous: readonly Condition[], now: string): PolicyStatus {
  const input = isLost(given) ? { ...given, rollout: onNoProxy(given.rollout) } : given;
  const accepted = decideAccepted(input);
  const values: Values = {
    Accepted: accepted,
    ...decideRollout(input, accepted.status === 'True'),
    Stalled: decideStalled(accepted),
    ...(input.kind === 'MeshPolicy' ? { Conflicted: decideConflicted(input.claims) } : {}),
  };
  const conditions = toConditions(values, previous, input.generation, now);
  if (input.kind === 'MeshConfig') return { observedGeneration: input.generation, conditions };
  const { generation, selected, inForce, draining, rejected, lagging, unreachable } = input.rollout;
  return {
    observedGeneration: input.generation,
    target: targetColumn(input.targets),
    summary: `${inForce}/${selected}`,
    conditions,
    // A closed form is no generation of anybody's.
    rollout: {
      generation: input.inForce.kind === 'closed' ? 0 : generation,
      selected,
      inForce,
      draining,
      rejected,
      lagging,
      unreachable,
    },
    laggards: input.rollout.laggards.map(({ pod, reason }) => ({ pod, reason })),
  };
}

function decideAccepted(input: RollupInput): Omit<ConditionValue<'Accepted'>, 'type'> {
  const no = (reason: ConditionReason<'Accepted'>, message: string) => ({ status: 'False' as const, reason, message });
  if (input.kind === 'MeshConfig' && input.name !== 'default') {
    return no('UnsupportedName', `A MeshConfig must be named default; ${input.name} is not read.`);
  }
  if (input.violations.length > 0) return no('Invalid', invalidSentence(input.violations, input.inForce));
  if (input.frozen === 'namespace') {
    return no(
      'NamespaceTerminating',
      'The namespace is being deleted; what was in force stays until its pods are gone.',
    );
  }
  const broken = input.targets.find((target) => target.problem !== undefined)?.problem;
  if (broken !== undefined) return no(broken.reason, targetsSentence(input.targets));
  const after = input.afterDeletion
    ? ' It follows a MeshConfig that was deleted; the values of that one stayed in force until now.'
    : '';
  return { status: 'True', reason: 'Accepted', message: `The spec is valid and its targets exist.${after}` };
}

function decideRollout(input: RollupInput, accepted: boolean): Values {
  const { rollout, coverage } = input;
  if (!accepted) return all('False', 'NotAccepted', notAccepted(input));
  if (isLost(input)) {
    return all('False', 'Conflicted', `No proxy uses this policy. ${conflictSentence(input.claims)}`);
  }
  if (rollout.selected === 0) return all('True', 'NoProxies', noProxiesSentence(coverage));
  const unmeshed = unmeshedSentence(coverage);
  const message = (text: string): string => (unmeshed === '' ? text : `${text} ${unmeshed}`);
  return {
    Programmed: reached(rollout, rollout.acked, 'Programmed', programmedSentence(rollout)),
    InForce: reached(rollout, rollout.inForce, 'InForce', message(inForceSentence(rollout))),
    Ready: decideReady(rollout, message(inForceSentence(rollout))),
  };
}

/** Older policies own every section of it: proxies carry its name, and nothing that it says. */
function isLost({ claims }: RollupInput): boolean {
  return claims.conflicts.length > 0 && claims.owned === 0;
}

function onNoProxy(rollout: Rollout): Rollout {
  const none = { selected: 0, acked: 0, inForce: 0, draining: 0, rejected: 0, lagging: 0, unreachable: 0 };
  return { ...rollout, ...none, unexcused: 0, missing: 0, laggards: [] };
}

function notAccepted(input: RollupInput): string {
  const { inForce, generation, rollout } = input;
  if (inForce.kind === 'nothing') return `Generation ${generation} is not accepted and nothing is in force.`;
  if (inForce.kind === 'closed') {
    return `Generation ${generation} is not accepted. ${CLOSED_FORM}; it is on ${rollout.inForce} of ${rollout.selected} selected proxies.`;
  }
  if (rollout.selected === 0) return `Generation ${generation} is not accepted, and no proxy uses this policy.`;
  return `Generation ${generation} is not accepted. ${inForceSentence(rollout)}`;
}

function all(status: 'True' | 'False', reason: 'NotAccepted' | 'NoProxies' | 'Conflicted', message: string): Values {
  const value = { status, reason, message };
  return { Programmed: value, InForce: value, Ready: value };
}

function reached<Reason extends string>(rollout: Rollout, there: number, reason: Reason, message: string) {
  if (there === rollout.selected) return { status: 'True' as const, reason, message };
  const why: 'Rejected' | 'Pending' = rollout.rejected > 0 ? 'Rejected' : 'Pending';
  return { status: 'False' as const, reason: why, message };
}

function decideReady(rollout: Rollout, message: string): Omit<ConditionValue<'Ready'>, 'type'> {
  const no = (reason: ConditionReason<'Ready'>) => ({
    status: 'False' as const,
    reason,
    message: notReadySentence(rollout),
  });
  if (rollout.rejected > 0) return no('Rejected');
  if (rollout.lagging > 0) return no('Lagging');
  if (rollout.unexcused > 0) return no('Unreachable');
  if (rollout.missing > 0) return no('Pending');
  return { status: 'True', reason: 'Ready', message };
}

function decideStalled(accepted: Omit<ConditionValue<'Accepted'>, 'type'>): Omit<ConditionValue<'Stalled'>, 'type'> {
  return accepted.status === 'True'
    ? { status: 'False', reason: 'Progressing', message: 'Changes of the spec are carried out.' }
    : { status: 'True', reason: 'Stalled', message: `Nothing moves until this is repaired: ${accepted.message}` };
}

function decideConflicted(claims: Claims): Omit<ConditionValue<'Conflicted'>, 'type'> {
  return claims.conflicts.length === 0
    ? { status: 'False', reason: 'NoConflict', message: 'Every section of this policy is its own.' }
    : { status: 'True', reason: 'OlderPolicyWins', message: conflictSentence(claims) };
}

/** In the order that people read: `kubectl describe` shows them so. */
const ORDER = [
  CONDITION.accepted,
  CONDITION.programmed,
  CONDITION.inForce,
  CONDITION.ready,
  CONDITION.stalled,
  CONDITION.conflicted,
] as const;

function toConditions(values: Values, previous: readonly Condition[], generation: number, now: string): Condition[] {
  let conditions: Condition[] = [];
  for (const type of ORDER) {
    const value = values[type];
    const old = previous.find((condition) => condition.type === type);
    if (value === undefined) continue;
    const [next] = setCondition(old === undefined ? [] : [old], { type, ...value } as ConditionValue, generation, now);
    if (next !== undefined) conditions = [...conditions, next];
  }
  return conditions;
}
