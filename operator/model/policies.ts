import type { MeshAccessPolicySpec, MeshConfigSpec, MeshPolicySpec } from '../../crds/gen/types.ts';
import {
  type Checked,
  type Violation,
  validateMeshAccessPolicy,
  validateMeshConfig,
  validateMeshPolicy,
} from '../../crds/validate.ts';
import { type ObjectKey, objectKey, type PolicyKind, type PolicyRecord } from './records.ts';

/** The specs by kind. */
export interface Specs {
  MeshPolicy: MeshPolicySpec;
  MeshAccessPolicy: MeshAccessPolicySpec;
  MeshConfig: MeshConfigSpec;
}

/** A policy in force: the newest generation that broke no rule. */
export interface Effective<Kind extends PolicyKind = PolicyKind> {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly spec: Specs[Kind];
  /** Its closed form: no generation that broke no rule is known. */
  readonly closed: boolean;
}

/**
 * Why something stays in force although its object is gone or changed: the namespace, or the kind (its CRD), is being deleted,
 * or (MeshConfig only) the object was deleted.
 */
export type Freeze = 'namespace' | 'kind' | 'deleted';

/** Everything known of one policy object. */
export interface Held<Kind extends PolicyKind = PolicyKind> {
  /** The object as it stands in the API server; undefined: gone, but frozen. */
  readonly object: PolicyRecord | undefined;
  /** Why the object's generation is not the one in force; empty when it is. */
  readonly violations: readonly Violation[];
  /** Undefined: no generation was ever good. */
  readonly effective: Effective<Kind> | undefined;
  readonly frozen: Freeze | undefined;
  /** A MeshConfig that followed a deleted one: the values of the deleted one stayed in force between. */
  readonly afterDeletion: boolean;
}

export type Validators = {
  readonly [Kind in PolicyKind]: (object: unknown, old?: MeshConfigSpec) => Checked<{ spec: Specs[Kind] }>;
};
const VALIDATORS: Validators = {
  MeshPolicy: validateMeshPolicy,
  MeshAccessPolicy: validateMeshAccessPolicy,
  MeshConfig: validateMeshConfig,
};

/**
 * What a closed access policy says: nobody without a mesh identity, and nobody at all by default. Stands in where a policy
 * that was in force before (an operator that restarted) can no longer be understood: absence is never permission.
 */
const CLOSED: MeshAccessPolicySpec = {
  targetRefs: [{ kind: 'Namespace' }],
  mtls: { mode: 'Strict' },
  authorization: { defaultAction: 'Deny' },
};

/** What is held after `next` arrived. */
export function take<Kind extends PolicyKind>(
  kind: Kind,
  held: Held<Kind> | undefined,
  next: PolicyRecord,
): Held<Kind> {
  const before = held?.effective?.uid === next.uid || held?.frozen === 'deleted' ? held?.effective : undefined;
  const afterDeletion = held?.frozen === 'deleted' || (held?.afterDeletion === true && held.object?.uid === next.uid);
  const old = kind === 'MeshConfig' ? meshConfigSpec(held) : undefined;
  const checked = VALIDATORS[kind](asObject(next), old);
  if (checked.ok) {
    const { namespace, name, uid, generation, createdAt } = next;
    const effective = { kind, namespace, name, uid, generation, createdAt, spec: checked.object.spec, closed: false };
    return { object: next, violations: [], effective, frozen: undefined, afterDeletion };
  }
  const effective = before ?? closedForm(kind, next);
  return { object: next, violations: checked.violations, effective, frozen: undefined, afterDeletion };
}

const meshConfigSpec = (held: Held | undefined): MeshConfigSpec | undefined =>
  held?.effective?.kind === 'MeshConfig' ? (held as Held<'MeshConfig'>).effective?.spec : undefined;

function asObject({ kind, namespace, name, uid, generation, createdAt, spec }: PolicyRecord): unknown {
  const metadata = { name, uid, generation, creationTimestamp: createdAt, ...(namespace === '' ? {} : { namespace }) };
  return { apiVersion: 'heddle.dev/v1alpha1', kind, metadata, spec };
}

/** A first generation that was never accepted was never in force: nothing to keep closed for it. */
function closedForm<Kind extends PolicyKind>(kind: Kind, next: PolicyRecord): Effective<Kind> | undefined {
  if (kind !== 'MeshAccessPolicy' || (next.generation <= 1 && !next.acceptedOnce)) return undefined;
  const { namespace, name, uid, generation, createdAt } = next;
  return { kind, namespace, name, uid, generation, createdAt, spec: CLOSED as Specs[Kind], closed: true };
}

/** `shop/payment`, or `default` for a MeshConfig. */
export const policyName = ({ namespace, name }: { readonly namespace: string; readonly name: string }): ObjectKey =>
  namespace === '' ? name : objectKey(namespace, name);

/** Older first; ties by namespace and name. Creation times have whole seconds, so ties are common. */
export function byAge(left: Effective, right: Effective): number {
  return compare(left.createdAt, right.createdAt) || compare(policyName(left), policyName(right));
}

export const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
