import type { MeshPolicySpec, TrafficTarget } from '../../crds/gen/types.ts';
import { byAge, compare, type Effective, policyName } from './policies.ts';
import { namespaceTarget, serviceTarget } from './policy-book.ts';
import { objectKey, type ServicePortRecord, type ServiceRecord } from './records.ts';
import type { World } from './world.ts';

/** How near a policy is to a call, nearest first. The numbers are only compared. */
export const LEVELS = ['consumerPort', 'consumer', 'port', 'service', 'namespace'] as const;
export type Level = (typeof LEVELS)[number];

export interface Attached {
  readonly policy: Effective<'MeshPolicy'>;
  readonly level: Level;
}

/** Sections that the nearest policy decides, each replaced whole. */
export type NearestSection = 'defaults' | 'loadBalancing' | 'connectionPool' | 'telemetry';
export const NEAREST_SECTIONS: readonly NearestSection[] = ['defaults', 'loadBalancing', 'connectionPool', 'telemetry'];
/** `routes` stands for routes, subsets and unmatched, which one policy owns together. */
export type Section = NearestSection | 'routes';

/**
 * MeshPolicies that reach the calls from `audience` (a namespace) to a port of a Service, nearest first, older first within a level.
 * `port` undefined: to the Service as a whole (telemetry).
 */
export function attachedTo(
  world: World,
  service: ServiceRecord,
  port: ServicePortRecord | undefined,
  audience: string,
): Attached[] {
  if (service.type !== 'Clustered') return [];
  const own = world.meshPolicies.targeting(serviceTarget(service.namespace, service.name));
  const direct = own.flatMap((policy) => {
    const level = directLevel(policy, service, port, audience);
    return level === undefined ? [] : [{ policy, level }];
  });
  const wide = world.meshPolicies.targeting(namespaceTarget(service.namespace));
  return [...direct, ...wide.map((policy) => ({ policy, level: 'namespace' as const }))].sort(
    (left, right) => LEVELS.indexOf(left.level) - LEVELS.indexOf(right.level) || byAge(left.policy, right.policy),
  );
}

function directLevel(
  policy: Effective<'MeshPolicy'>,
  service: ServiceRecord,
  port: ServicePortRecord | undefined,
  audience: string,
): Level | undefined {
  const consumer = policy.namespace !== service.namespace;
  if (consumer && policy.namespace !== audience) return undefined;
  const targets = policy.spec.targetRefs.filter((target) => aimsAt(target, policy.namespace, service));
  const named = targets.some((target) => target.sectionName !== undefined && target.sectionName === port?.name);
  const whole = targets.some((target) => target.sectionName === undefined);
  if (named) return consumer ? 'consumerPort' : 'port';
  if (whole) return consumer ? 'consumer' : 'service';
  return undefined;
}

export function aimsAt(target: TrafficTarget, namespace: string, service: ServiceRecord): boolean {
  return (
    target.kind === 'Service' && target.name === service.name && (target.namespace ?? namespace) === service.namespace
  );
}

const setsRoutes = (spec: MeshPolicySpec): boolean => spec.routes !== undefined || spec.subsets !== undefined;

/** Who owns routes and subsets: the consumers' own oldest policy before the producer's oldest; a port is not nearer than its Service here. */
export function routesOwner(attached: readonly Attached[]): Attached | undefined {
  const claims = attached.filter(({ policy }) => setsRoutes(policy.spec));
  return claims.sort((left, right) => audienceRank(left) - audienceRank(right) || byAge(left.policy, right.policy))[0];
}

const audienceRank = ({ level }: Attached): number =>
  level === 'consumerPort' || level === 'consumer' ? 0 : level === 'namespace' ? 2 : 1;

/** The nearest policy that sets the section; undefined: MeshConfig or the built-in value decides. `attached` as `attachedTo` orders it. */
export function nearest(attached: readonly Attached[], section: NearestSection): Attached | undefined {
  return attached.find(({ policy }) => policy.spec[section] !== undefined);
}

/** A section that an older policy of the same standing owns. */
export interface Conflict {
  readonly section: Section;
  /** `Service shop/payment`, with `:http` where it is one port; `Namespace shop`. */
  readonly target: string;
  /** `shop/payment`. */
  readonly winner: string;
}

/** What became of the sections that a policy sets, target by target (and port by port). */
export interface Claims {
  /** Sections that it does not own, because an older one of the same level does. Being overridden by a nearer one is no conflict. */
  readonly conflicts: readonly Conflict[];
  /** How many it owns; with 0 and conflicts no word of the policy is in force, though proxies carry its name. */
  readonly owned: number;
}

export function claimsOf(world: World, policy: Effective<'MeshPolicy'>): Claims {
  const claims = policy.spec.targetRefs.flatMap((target) => claimsAt(world, policy, target));
  const found = new Map<string, Conflict>();
  for (const { section, target, winner } of claims) {
    if (winner !== undefined) found.set(`${section} ${target} ${winner}`, { section, target, winner });
  }
  const conflicts = [...found.values()].sort(
    (left, right) => compare(left.target, right.target) || compare(left.section, right.section),
  );
  return { conflicts, owned: claims.filter((claim) => claim.winner === undefined).length };
}

/** A section that a policy sets for one target; `winner`: the older policy that owns it instead. */
interface Claim extends Omit<Conflict, 'winner'> {
  readonly winner: string | undefined;
}

function claimsAt(world: World, policy: Effective<'MeshPolicy'>, target: TrafficTarget): Claim[] {
  if (target.kind === 'Namespace') {
    const rivals = world.meshPolicies
      .targeting(namespaceTarget(policy.namespace))
      .map((one) => ({ policy: one, level: 'namespace' as const }));
    return judge(policy, rivals, `Namespace ${policy.namespace}`);
  }
  const service = world.services.get(objectKey(target.namespace ?? policy.namespace, target.name ?? ''));
  if (service === undefined) return [];
  const ports = service.ports.filter((port) => target.sectionName === undefined || port.name === target.sectionName);
  const attachedAt = attachedByPort(world, service, policy.namespace);
  return ports.flatMap((port) => {
    const name = port.name === '' ? '' : `:${port.name}`;
    return judge(policy, attachedAt(port), `Service ${objectKey(service.namespace, service.name)}${name}`);
  });
}

/** As `attachedTo` for each port, but once for all ports that no policy names: a Service may have a thousand. */
function attachedByPort(
  world: World,
  service: ServiceRecord,
  audience: string,
): (port: ServicePortRecord) => readonly Attached[] {
  const policies = world.meshPolicies.targeting(serviceTarget(service.namespace, service.name));
  const named = new Set(policies.flatMap(({ spec }) => spec.targetRefs.map(({ sectionName }) => sectionName)));
  const found = new Map<string | undefined, readonly Attached[]>();
  return (port) => {
    const group = named.has(port.name) ? port.name : undefined;
    const attached = found.get(group) ?? attachedTo(world, service, port, audience);
    found.set(group, attached);
    return attached;
  };
}

function judge(policy: Effective<'MeshPolicy'>, attached: readonly Attached[], target: string): Claim[] {
  const own = attached.find((one) => one.policy.uid === policy.uid);
  if (own === undefined) return [];
  const sections: { section: Section; winner: Attached | undefined }[] = NEAREST_SECTIONS.filter(
    (section) => policy.spec[section] !== undefined,
  ).map((section) => ({
    section,
    winner: nearest(
      attached.filter((one) => one.level === own.level),
      section,
    ),
  }));
  if (setsRoutes(policy.spec)) {
    const rivals = attached.filter((one) => audienceRank(one) === audienceRank(own));
    sections.push({ section: 'routes', winner: routesOwner(rivals) });
  }
  return sections.map(({ section, winner }) => {
    const isOwn = winner === undefined || winner.policy.uid === policy.uid;
    return { section, target, winner: isOwn ? undefined : policyName(winner.policy) };
  });
}
