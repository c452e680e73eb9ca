import { cidrProblem } from './cidr.ts';
import { DEFAULT_TRUST_DOMAIN, LEAF_TTL } from './defaults.ts';
import { formatDuration, parseDuration } from './durations.ts';
import type { MeshConfigSpec } from './gen/types.ts';
import { MESH_CONFIG_NAME } from './labels.ts';
import { checkConnectionPool, checkTimeoutsAndRetries } from './validate-traffic.ts';
import { type Violation, violation } from './violations.ts';

/** What CEL says of a MeshConfig. `old` is the spec before, where there is one: the trust domain never changes. */
export function checkMeshConfig(name: string, spec: MeshConfigSpec, old?: MeshConfigSpec, path = 'spec'): Violation[] {
  return [
    ...checkName(name),
    ...checkTrustDomain(spec, old, path),
    ...checkLeafTtl(spec, path),
    ...(spec.defaults === undefined ? [] : checkTimeoutsAndRetries(spec.defaults, `${path}.defaults`)),
    ...checkConnectionPool(spec.defaults?.connectionPool, `${path}.defaults.connectionPool`),
    ...checkCidrs(spec.clusterRanges, `${path}.clusterRanges`),
    ...checkCidrs(spec.injection?.excludeOutboundCidrs, `${path}.injection.excludeOutboundCidrs`),
  ];
}

function checkName(name: string): Violation[] {
  if (name === MESH_CONFIG_NAME) return [];
  return [violation('metadata.name', 'Invalid', `the MeshConfig must be named ${MESH_CONFIG_NAME}`)];
}

function checkTrustDomain(spec: MeshConfigSpec, old: MeshConfigSpec | undefined, path: string): Violation[] {
  if (old === undefined) return [];
  const before = old.trustDomain ?? DEFAULT_TRUST_DOMAIN;
  if ((spec.trustDomain ?? DEFAULT_TRUST_DOMAIN) === before) return [];
  return [
    violation(`${path}.trustDomain`, 'Forbidden', `cannot be changed from ${before}, every identity stands on it`),
  ];
}

function checkLeafTtl(spec: MeshConfigSpec, path: string): Violation[] {
  const text = spec.certificates?.leafTTL;
  const value = text === undefined ? LEAF_TTL.defaultMs : (parseDuration(text) ?? 0);
  if (value >= LEAF_TTL.minMs && value <= LEAF_TTL.maxMs) return [];
  const bounds = `${formatDuration(LEAF_TTL.minMs)} to ${formatDuration(LEAF_TTL.maxMs)}`;
  return [violation(`${path}.certificates.leafTTL`, 'Invalid', `must be from ${bounds}`)];
}

function checkCidrs(cidrs: readonly string[] | undefined, path: string): Violation[] {
  return (cidrs ?? []).flatMap((cidr, index) => {
    const problem = cidrProblem(cidr);
    return problem === undefined ? [] : [violation(`${path}[${index}]`, 'Invalid', problem)];
  });
}
