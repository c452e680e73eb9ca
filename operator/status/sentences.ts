import { describeViolation, type Violation } from '../../crds/validate.ts';
import type { Rollout } from '../distribute/distribute.ts';
import type { Claims, Coverage, TargetState } from '../model/model.ts';
import type { InForce } from './rollup-input.ts';

/** Every message of a condition. Stable: nothing in them moves while nothing changes (no seconds, no request counts). */

const MOST_VIOLATIONS = 5;
const MOST_WORKLOADS = 3;
const MOST_CONFLICTS = 5;

export function inForceSentence(rollout: Rollout): string {
  const all = `Generation ${rollout.generation} is in force on ${proxies(rollout.inForce, rollout.selected)}`;
  const rest = troubles(rollout);
  return rest === '' ? `${all}.` : `${all}; ${rest}.`;
}

export function programmedSentence(rollout: Rollout): string {
  const all = `Generation ${rollout.generation} is acknowledged by ${proxies(rollout.acked, rollout.selected)}`;
  return rollout.rejected === 0
    ? `${all}.`
    : `${all}; ${count(rollout.rejected, 'proxy refuses', 'proxies refuse')} it.`;
}

/** What keeps a policy from being ready, with the names. */
export function notReadySentence(rollout: Rollout): string {
  const named = rollout.laggards.map((one) => `${one.pod} (${one.reason})`).join(', ');
  const text = inForceSentence(rollout).slice(0, -1);
  return named === '' ? `${text}.` : `${text}: ${named}.`;
}

function troubles(rollout: Rollout): string {
  return [
    rollout.rejected > 0 ? count(rollout.rejected, 'proxy refuses it', 'proxies refuse it') : '',
    rollout.lagging > 0 ? count(rollout.lagging, 'proxy lags', 'proxies lag') : '',
    rollout.unreachable > 0 ? count(rollout.unreachable, 'proxy is unreachable', 'proxies are unreachable') : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** `all 17 selected proxies`, `12 of 17 selected proxies`. */
function proxies(some: number, all: number): string {
  if (some !== all) return `${some} of ${all} selected proxies`;
  return all === 1 ? 'the one selected proxy' : `all ${all} selected proxies`;
}

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;

export function noProxiesSentence(unmeshed: readonly Coverage[]): string {
  const help = unmeshedSentence(unmeshed);
  const base = 'No proxy stands behind the target or calls it.';
  return help === '' ? base : `${base} ${help}`;
}

/** `0 of 6 pods of order are meshed, those 6 are older than the namespace's label; kubectl rollout restart …`; empty: nothing to say. */
export function unmeshedSentence(coverage: readonly Coverage[]): string {
  const missing = coverage.filter((one) => one.meshed < one.total);
  const named = missing.slice(0, MOST_WORKLOADS).map(({ namespace, workload, meshed, total }) => {
    const command = restartCommand(namespace, workload);
    return `${meshed} of ${total} pods of ${workload.name} are meshed${command === '' ? '' : ` (${command})`}`;
  });
  const more = missing.length - named.length;
  return named.length === 0 ? '' : `${named.join('; ')}${more > 0 ? `; and ${more} more workloads` : ''}.`;
}

const SHORT_KINDS: Readonly<Record<string, string>> = {
  Deployment: 'deploy',
  StatefulSet: 'statefulset',
  DaemonSet: 'daemonset',
};

function restartCommand(namespace: string, workload: Coverage['workload']): string {
  const kind = SHORT_KINDS[workload.kind];
  return kind === undefined ? '' : `kubectl rollout restart -n ${namespace} ${kind}/${workload.name}`;
}

/** Told instead of a generation, see `closedForm` of the model. */
export const CLOSED_FORM =
  'The generation that was in force before this operator started is not known any more, so the closed form stands in for it: Strict, and nobody is allowed';

export function invalidSentence(violations: readonly Violation[], inForce: InForce): string {
  const named = violations.slice(0, MOST_VIOLATIONS).map((violation) => describeViolation(violation));
  const more = violations.length - named.length;
  const text = `${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  if (inForce.kind === 'nothing') return `${text}. Nothing of it is in force.`;
  return inForce.kind === 'closed'
    ? `${text}. ${CLOSED_FORM}.`
    : `${text}. Generation ${inForce.generation} stays in force.`;
}

export function targetsSentence(states: readonly TargetState[]): string {
  const broken = states.filter((state) => state.problem !== undefined);
  const text = broken.slice(0, 3).map((state) => state.problem?.message);
  const rest = states.length - broken.length;
  return `${text.join('; ')}${rest > 0 ? ` (the other ${rest} of ${states.length} targets are there)` : ''}.`;
}

/** `Service shop/payment:http`, `Service shop/a, Service shop/b and 3 more`. */
export function targetColumn(states: readonly TargetState[]): string {
  const named = states.slice(0, 2).map((state) => state.target);
  const more = states.length - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`.slice(0, 256);
}

export function conflictSentence({ conflicts, owned }: Claims): string {
  const named = conflicts
    .slice(0, MOST_CONFLICTS)
    .map((conflict) => `${conflict.section} of ${conflict.target} belongs to ${conflict.winner}, which is older`);
  const more = conflicts.length - named.length;
  return `${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}. ${owned > 0 ? 'Every other section stays in force.' : 'Nothing else is in it.'}`;
}
