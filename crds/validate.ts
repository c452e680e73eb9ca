import { parseDuration } from './durations.ts';
import type {
  MeshAccessPolicy,
  MeshConfig,
  MeshConfigSpec,
  MeshPolicy,
  MeshPolicySpec,
  Retries,
  Timeouts,
} from './gen/types.ts';
import { checkShape } from './shape.ts';
import { checkMeshAccessPolicySpec } from './validate-access.ts';
import { checkMeshConfig } from './validate-config.ts';
import { checkMeshPolicySpec } from './validate-traffic.ts';
import type { Violation } from './violations.ts';

export { describeViolation, type Violation, type ViolationReason } from './violations.ts';

/**
 * Everything that one object can be refused for, without an API server: its shape first, and where that is right the
 * rules between its fields. Pure. The lists are empty for a valid object.
 */
export type Checked<T> =
  | { readonly ok: true; readonly object: T }
  | { readonly ok: false; readonly violations: readonly Violation[] };

export function validateMeshPolicy(object: unknown): Checked<MeshPolicy> {
  return validate<MeshPolicy>('MeshPolicy', object, ({ spec }) => checkMeshPolicySpec(spec));
}

export function validateMeshAccessPolicy(object: unknown): Checked<MeshAccessPolicy> {
  return validate<MeshAccessPolicy>('MeshAccessPolicy', object, ({ spec }) => checkMeshAccessPolicySpec(spec));
}

/** `old` is the spec in force, if there is one. */
export function validateMeshConfig(object: unknown, old?: MeshConfigSpec): Checked<MeshConfig> {
  return validate<MeshConfig>('MeshConfig', object, ({ metadata, spec }) => checkMeshConfig(metadata.name, spec, old));
}

function validate<T>(kind: string, object: unknown, rules: (object: T) => Violation[]): Checked<T> {
  const shape = checkShape(kind, object);
  if (shape.length > 0) return { ok: false, violations: shape };
  // The schema that was just checked is the one that the type was made from.
  const typed = object as T;
  const violations = rules(typed);
  return violations.length === 0 ? { ok: true, object: typed } : { ok: false, violations };
}

/** Sentences for `kubectl apply`'s warnings: valid, but likely not what was meant. */
export function warnMeshPolicy(spec: MeshPolicySpec): string[] {
  const warnings: string[] = [];
  const warn = (path: string, part: { readonly timeouts?: Timeouts; readonly retries?: Retries }): void => {
    const timeouts = part.timeouts ?? spec.defaults?.timeouts;
    if (part.retries === undefined || part.retries.attempts === 0) return;
    if ((parseDuration(timeouts?.request ?? '0s') ?? 0) === 0) {
      warnings.push(
        `${path}.retries: there is no request timeout, so a call may take ${part.retries.attempts + 1} times as long; set timeouts.request`,
      );
    }
    if (part.retries.retryOn?.includes('per-try-timeout') && (parseDuration(timeouts?.perTry ?? '0s') ?? 0) === 0) {
      warnings.push(`${path}.retries.retryOn: per-try-timeout never happens without timeouts.perTry`);
    }
  };
  warn('spec.defaults', spec.defaults ?? {});
  for (const [index, route] of (spec.routes ?? []).entries()) warn(`spec.routes[${index}]`, route);
  const used = new Set((spec.routes ?? []).flatMap((route) => (route.backends ?? []).map((backend) => backend.subset)));
  for (const [index, subset] of (spec.subsets ?? []).entries()) {
    if (!used.has(subset.name)) warnings.push(`spec.subsets[${index}]: no route sends anything to ${subset.name}`);
  }
  return warnings;
}
