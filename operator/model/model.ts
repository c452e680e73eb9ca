/** The door of the model: what the control plane knows, and pure questions about it. */
export { canonicalAddress, canonicalRange, Ranges } from './address.ts';
export {
  type Attached,
  attachedTo,
  type Claims,
  type Conflict,
  claimsOf,
  type Level,
  type NearestSection,
  nearest,
  routesOwner,
  type Section,
} from './attachments.ts';
export { type Affected, type Change, mergeAffected, NOTHING_AFFECTED, type PolicyChange } from './changes.ts';
export { byAge, type Effective, type Freeze, type Held, policyName } from './policies.ts';
export * from './records.ts';
export {
  type Coverage,
  callerCoverage,
  coverageOf,
  podsBehind,
  type Selection,
  selectionOf,
  targetedServices,
} from './selected.ts';
export { isLive, resolveTargetPort, selects, serviceSelects } from './selectors.ts';
export type { MeshSettings } from './settings.ts';
export {
  stripEndpointSlice,
  stripMeshAccessPolicy,
  stripMeshConfig,
  stripMeshPolicy,
  stripNamespace,
  stripNode,
  stripService,
  stripServiceCidr,
} from './strip.ts';
export { stripPod } from './strip-pod.ts';
export { type TargetState, targetStates } from './targets.ts';
export { World } from './world.ts';
