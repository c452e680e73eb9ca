import { DEFAULT_MTLS_MODE, DEFAULT_TRUST_DOMAIN, LEAF_TTL } from '../../crds/defaults.ts';
import { parseDuration } from '../../crds/durations.ts';
import type { MeshDefaults } from '../../crds/gen/types.ts';
import type { MtlsMode } from '../../proxy/contract/snapshot.ts';
import { canonicalRange } from './address.ts';
import { isPresent } from './json.ts';
import type { Effective } from './policies.ts';

/** MeshConfig with everything filled in. */
export interface MeshSettings {
  readonly trustDomain: string;
  readonly leafMs: number;
  readonly minimumMtls: MtlsMode;
  readonly portExceptions: ReadonlySet<number>;
  readonly defaults: MeshDefaults;
  /** Canonical networks beside those found in the cluster. */
  readonly clusterRanges: readonly string[];
}

export function meshSettings(config: Effective<'MeshConfig'> | undefined): MeshSettings {
  const spec = config?.spec ?? {};
  return {
    trustDomain: spec.trustDomain ?? DEFAULT_TRUST_DOMAIN,
    leafMs: parseDuration(spec.certificates?.leafTTL ?? '') ?? LEAF_TTL.defaultMs,
    minimumMtls: spec.security?.mtls?.minimum ?? DEFAULT_MTLS_MODE,
    portExceptions: new Set(spec.security?.mtls?.portExceptions ?? []),
    defaults: spec.defaults ?? {},
    clusterRanges: (spec.clusterRanges ?? []).map(canonicalRange).filter(isPresent),
  };
}
