import type { Provenance } from '../../proxy/contract/snapshot.ts';

/** What one update carries, as far as the ledger cares: the content's hash, and the generation of each policy behind it. */
export interface Stamp {
  readonly version: string;
  /** Policy uid to generation. */
  readonly generations: ReadonlyMap<string, number>;
}

export function createStamp(version: string, provenance: readonly Provenance[]): Stamp {
  return { version, generations: new Map(provenance.map((one) => [one.uid, one.generation])) };
}

export function equalStamps(left: Stamp, right: Stamp): boolean {
  if (left === right) return true;
  if (left.version !== right.version || left.generations.size !== right.generations.size) return false;
  for (const [uid, generation] of left.generations) if (right.generations.get(uid) !== generation) return false;
  return true;
}

/**
 * One stamp that claims no more than either: the lower generation of each policy, and 0 where only one of them carries it
 * (0 fits no generation, wanted or not). Keeps what must be remembered bounded without ever saying too much.
 */
export function worstOf(left: Stamp, right: Stamp, version: string): Stamp {
  const generations = new Map<string, number>();
  for (const uid of [...left.generations.keys(), ...right.generations.keys()]) {
    generations.set(uid, Math.min(left.generations.get(uid) ?? 0, right.generations.get(uid) ?? 0));
  }
  return { version, generations };
}
