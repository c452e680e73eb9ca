import type { AddressTable, Configuration, Key, Provenance } from '../../proxy/contract/snapshot.ts';

/** One key as the compiler gives it for one viewer. */
export interface Compiled {
  readonly key: Key;
  readonly content: Configuration;
  readonly version: string;
  readonly provenance: readonly Provenance[];
  readonly mustUnderstand: readonly string[];
}

export interface CompiledAddresses {
  readonly version: string;
  readonly table: AddressTable;
}

/** Who looks: a key compiles to what this pod may see, and nothing else. */
export interface Viewer {
  readonly namespace: string;
  readonly podUid: string;
}

/** The compiler, as the distributor needs it (`operator/compile`). */
export interface Compiler<World> {
  /** Undefined: nothing can be said yet (a pod that the world does not know); asked again when the world says the key is affected. */
  compileKey(world: World, key: Key, viewer: Viewer): Compiled | undefined;
  compileAddresses(world: World): CompiledAddresses;
  /** Viewers of the same class see the same content of `key`: it is compiled once for all of them. */
  viewClass(world: World, key: Key, viewer: Viewer): string;
}

/** What a change of the world may have changed. Too much is slow, too little is wrong. */
export interface Affected {
  /** Keys other than `workload` whose content or provenance may differ; `all`: every key, `workload` too. */
  readonly keys: ReadonlySet<Key> | 'all';
  /** Pod uids whose `workload` key may differ. */
  readonly workloads: ReadonlySet<string>;
  readonly addresses: boolean;
  /** Uids of policies (and MeshConfigs) that changed or may now shape other keys. */
  readonly policies: ReadonlySet<string>;
}
