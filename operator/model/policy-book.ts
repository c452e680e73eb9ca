import type { PolicyChange } from './changes.ts';
import { byAge, type Effective, type Freeze, type Held, take } from './policies.ts';
import { type ObjectKey, objectKey, type PolicyKind } from './records.ts';
import { KeyIndex, Table } from './table.ts';

/** What reaches a policy: `Service shop/payment`, or `Namespace shop`. */
export const serviceTarget = (namespace: string, name: string): string => `Service ${objectKey(namespace, name)}`;
export const namespaceTarget = (namespace: string): string => `Namespace ${namespace}`;

/** All policies of one kind: the objects, what is in force of them, and what they target. */
export class PolicyBook<Kind extends PolicyKind> {
  readonly kind: Kind;
  readonly #byNamespace = new KeyIndex<Held<Kind>>((held) => namespaceOf(held));
  readonly #byTarget = new KeyIndex<Held<Kind>>((held) => targetsOf(held.effective));
  readonly #table = new Table<Held<Kind>>(this.#byNamespace, this.#byTarget);

  constructor(kind: Kind) {
    this.kind = kind;
  }

  get(key: ObjectKey): Held<Kind> | undefined {
    return this.#table.get(key);
  }

  values(): IterableIterator<Held<Kind>> {
    return this.#table.values();
  }

  inNamespace(namespace: string): Held<Kind>[] {
    return [...this.#byNamespace.get(namespace)];
  }

  /** In force and aimed at `target`, older first. */
  targeting(target: string): Effective<Kind>[] {
    return effectives(this.#byTarget.get(target));
  }

  /** In force in a namespace, older first. */
  effectiveIn(namespace: string): Effective<Kind>[] {
    return effectives(this.#byNamespace.get(namespace));
  }

  /** Takes a change in; `frozen`: what is in force must stay whatever the change says. Returns what was held before and after. */
  apply(
    change: PolicyChange,
    frozen: Freeze | undefined,
  ): { before: Held<Kind> | undefined; after: Held<Kind> | undefined } {
    const before = this.#table.get(change.key);
    const after = this.#after(before, change, frozen);
    this.#table.put(change.key, after);
    return { before, after };
  }

  #after(before: Held<Kind> | undefined, change: PolicyChange, frozen: Freeze | undefined): Held<Kind> | undefined {
    if (frozen === undefined) return change.object === undefined ? undefined : take(this.kind, before, change.object);
    if (before?.effective === undefined) {
      // Never in force here: a new object in a terminating namespace changes nothing, but a first list must take it in.
      return change.object === undefined ? undefined : take(this.kind, before, change.object);
    }
    return { ...before, object: change.object, frozen };
  }

  /** Forgets what is frozen and has no object any more. Returns what was forgotten. */
  thaw(namespace: string): Held<Kind>[] {
    const gone = this.inNamespace(namespace).filter((held) => held.object === undefined && held.frozen !== undefined);
    for (const { effective } of gone) {
      if (effective !== undefined) this.#table.put(objectKey(effective.namespace, effective.name), undefined);
    }
    return gone;
  }
}

function effectives<Kind extends PolicyKind>(held: Iterable<Held<Kind>>): Effective<Kind>[] {
  return [...held].flatMap((one) => (one.effective === undefined ? [] : [one.effective])).sort(byAge);
}

function* namespaceOf(held: Held): Generator<string> {
  yield (held.effective ?? held.object)?.namespace ?? '';
}

/** What the policy aims at, once each. A consumer policy aims at a Service of another namespace. */
export function targetsOf(effective: Effective | undefined): Set<string> {
  if (effective === undefined || effective.kind === 'MeshConfig') return new Set();
  if (effective.kind === 'MeshAccessPolicy') return new Set([namespaceTarget(effective.namespace)]);
  const { spec, namespace } = effective as Effective<'MeshPolicy'>;
  return new Set(
    spec.targetRefs.map((target) =>
      target.kind === 'Namespace'
        ? namespaceTarget(namespace)
        : serviceTarget(target.namespace ?? namespace, target.name ?? ''),
    ),
  );
}
