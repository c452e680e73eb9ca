import type { AddressTable, Configuration, Key, Provenance } from '../../proxy/contract/snapshot.ts';
import { canonicalJson, contentVersion } from '../../proxy/contract/version.ts';
import type { Effective } from '../model/model.ts';
import { policyName } from '../model/model.ts';

/** Who looks: a key compiles to what this pod may see, and nothing else. */
export interface Viewer {
  readonly namespace: string;
  readonly podUid: string;
}

/** One key, compiled. Equal views give equal `content` and so equal `version`; `provenance` is beside it, sorted by kind and name. */
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

/** What the compiler of one kind of key gives: content, and the policies that may have shaped it. */
export interface Content {
  readonly content: Configuration;
  readonly policies: readonly (Effective | undefined)[];
  readonly mustUnderstand?: readonly string[];
}

export function seal(key: Key, { content, policies, mustUnderstand = [] }: Content): Compiled {
  return { key, content, version: versionOf(content), provenance: provenanceOf(policies), mustUnderstand };
}

export const versionOf = (value: unknown): string => contentVersion(canonicalJson(value));

function provenanceOf(policies: readonly (Effective | undefined)[]): Provenance[] {
  const found = new Map<string, Provenance>();
  for (const policy of policies) {
    if (policy === undefined) continue;
    const { kind, uid, generation } = policy;
    found.set(uid, { kind, uid, generation, name: policyName(policy) });
  }
  return [...found.values()].sort((left, right) => order(left) - order(right) || (left.name < right.name ? -1 : 1));
}

const KINDS = ['MeshConfig', 'MeshAccessPolicy', 'MeshPolicy'] as const;
const order = ({ kind }: Provenance): number => KINDS.indexOf(kind);
