import type { Clock } from '../../proxy/base/clock.ts';
import type { Distributor } from '../distribute/distribute.ts';
import { DONE, type Outcome } from '../kube/kube.ts';
import type { Claims, Effective, Held, World } from '../model/model.ts';
import { mayHold } from './may-hold.ts';
import { rollup } from './rollup.ts';
import type { RollupInput } from './rollup-input.ts';
import type { Settling } from './settling.ts';
import type { StatusKind, Subject } from './status-client.ts';
import type { StatusWriter } from './writer.ts';

/** What every controller of one of our kinds shares. */
export interface StatusContext {
  readonly world: World;
  readonly distributor: Pick<Distributor, 'ledger' | 'isPending' | 'stateOf'>;
  readonly writer: StatusWriter;
  readonly settling: Settling;
  readonly clock: Clock;
}

/** What a kind adds to the numbers. */
export type Described = Pick<RollupInput, 'targets' | 'claims' | 'coverage'>;

/** A change of the policy is on its way to the proxies; its push takes some tens of milliseconds. */
const PENDING_MS = 20;
/** Whether the pod of an unreachable proxy is NotReady now is looked at this often. */
const EXCUSES_MS = 2_000;
/** Of kinds whose sections are never owned by one alone. */
export const NO_CLAIMS: Claims = { conflicts: [], owned: 0 };
const NOTHING: Described = { targets: [], claims: NO_CLAIMS, coverage: [] };

/** One reconcile: load, decide, write. Keys are `namespace/name`. */
export async function reconcileStatus<Kind extends StatusKind>(
  context: StatusContext,
  kind: Kind,
  key: string,
  held: Held<Kind> | undefined,
  describe: (policy: Effective<Kind>) => Described,
): Promise<Outcome> {
  const { writer, distributor, settling, clock } = context;
  const object = held?.object;
  if (held === undefined || object === undefined) {
    const slash = key.indexOf('/');
    writer.forget(kind, slash < 0 ? '' : key.slice(0, slash), key.slice(slash + 1));
    return DONE;
  }
  if (distributor.isPending(object.uid)) return { kind: 'requeue', afterMs: PENDING_MS };
  const settleMs = settling.wait();
  if (settleMs > 0) return { kind: 'requeue', afterMs: settleMs };
  const subject: Subject = { kind, namespace: object.namespace, name: object.name, uid: object.uid };
  const previous = await writer.load(subject, object.generation);
  const input = inputOf(context, kind, held, object.generation, describe);
  const status = rollup(input, previous?.conditions ?? [], isoSeconds(clock.wall()));
  const offered = await writer.offer(subject, status);
  const waits = [
    offered.kind === 'later' ? offered.ms : undefined,
    input.rollout.unreachable > 0 ? EXCUSES_MS : undefined,
    input.rollout.nextChangeAt === undefined ? undefined : Math.max(1, input.rollout.nextChangeAt - clock.now()),
  ].filter((ms) => ms !== undefined);
  return waits.length === 0 ? DONE : { kind: 'requeue', afterMs: Math.min(...waits) };
}

function inputOf<Kind extends StatusKind>(
  context: StatusContext,
  kind: Kind,
  held: Held<Kind>,
  generation: number,
  describe: (policy: Effective<Kind>) => Described,
): RollupInput {
  const { effective } = held;
  return {
    kind,
    name: held.object?.name ?? '',
    generation,
    inForce: inForceOf(effective),
    violations: held.violations,
    frozen: held.frozen,
    afterDeletion: held.afterDeletion,
    rollout: rolloutOf(context, held.object?.uid ?? '', effective, generation),
    ...(effective === undefined ? NOTHING : describe(effective)),
  };
}

function inForceOf(effective: Effective | undefined): RollupInput['inForce'] {
  if (effective === undefined) return { kind: 'nothing' };
  return effective.closed ? { kind: 'closed' } : { kind: 'generation', generation: effective.generation };
}

/** Where the generation in force stands; without one, nobody holds anything. */
function rolloutOf(context: StatusContext, uid: string, effective: Effective | undefined, generation: number) {
  const { distributor, settling, clock } = context;
  const isOwn = effective?.uid === uid;
  return distributor.ledger.rollout({
    uid,
    generation: isOwn ? effective.generation : generation,
    now: clock.now(),
    stateOf: distributor.stateOf,
    byServiceAddress: effective?.kind === 'MeshPolicy',
    mayHold: effective === undefined ? () => false : mayHold(effective),
    unheard: effective === undefined ? [] : settling.unheard(),
  });
}

/** Kubernetes' times have whole seconds. */
export function isoSeconds(wall: number): string {
  return new Date(wall).toISOString().replace(/\.\d+Z$/, 'Z');
}
