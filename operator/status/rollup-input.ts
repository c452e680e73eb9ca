import type { Violation } from '../../crds/validate.ts';
import type { Rollout } from '../distribute/distribute.ts';
import type { Claims, Coverage, Freeze, TargetState } from '../model/model.ts';

/** Everything that a status says, as plain data. */
export interface RollupInput {
  readonly kind: 'MeshPolicy' | 'MeshAccessPolicy' | 'MeshConfig';
  readonly name: string;
  /** Generation of the object. */
  readonly generation: number;
  readonly inForce: InForce;
  readonly violations: readonly Violation[];
  readonly frozen: Freeze | undefined;
  readonly targets: readonly TargetState[];
  readonly claims: Claims;
  /** Where generation `generation` stands (or, where it is not accepted, the one in force). */
  readonly rollout: Rollout;
  /** Workloads behind the target, or calling it, with how many of their pods are meshed. */
  readonly coverage: readonly Coverage[];
  /** A MeshConfig that followed a deleted one. */
  readonly afterDeletion: boolean;
}

/** What of a policy is in force, on those proxies that have it. */
export type InForce =
  | { readonly kind: 'generation'; readonly generation: number }
  /** None was ever good. */
  | { readonly kind: 'nothing' }
  /** The last good one is not known any more; a MeshAccessPolicy's closed form stands in for it. */
  | { readonly kind: 'closed' };
