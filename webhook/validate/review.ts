import { isDeepStrictEqual } from 'node:util';
import type { MeshConfigSpec } from '../../crds/gen/types.ts';
import { GROUP } from '../../crds/labels.ts';
import {
  type Checked,
  describeViolation,
  type Violation,
  validateMeshAccessPolicy,
  validateMeshConfig,
  validateMeshPolicy,
  warnMeshPolicy,
} from '../../crds/validate.ts';
import { type AdmissionRequest, type AdmissionResponse, refuse, sayWarnings } from '../review.ts';

interface Verdict {
  readonly violations: readonly Violation[];
  readonly warnings: readonly string[];
}

const PASS: Verdict = { violations: [], warnings: [] };
/** The API server cuts longer messages; five fields are enough to mend the first time. */
const MAX_VIOLATIONS_SAID = 5;

/** What a review of one of our own kinds finds. The operator repeats every check, so nothing depends on this one. */
export function reviewOwnKind(request: AdmissionRequest): AdmissionResponse {
  if (request.operation === 'DELETE' || request.kind.group !== GROUP) return { uid: request.uid, allowed: true };
  const { violations, warnings } = judge(request);
  if (violations.length === 0) return allow(request.uid, warnings);
  const sentence = describe(violations);
  // Ratcheting, as Kubernetes' own validation does: what stands already must not keep labels and finalizers from changing.
  if (keepsSpec(request)) return allow(request.uid, [`the spec stays as it is, but is not in force: ${sentence}`]);
  return refuse(request.uid, 422, 'Invalid', sentence);
}

function allow(uid: string, warnings: readonly string[]): AdmissionResponse {
  return { uid, allowed: true, ...(warnings.length > 0 ? { warnings: sayWarnings(warnings) } : {}) };
}

function keepsSpec({ operation, object, oldObject }: AdmissionRequest): boolean {
  return operation === 'UPDATE' && isDeepStrictEqual(specOf(object), specOf(oldObject));
}

function judge(request: AdmissionRequest): Verdict {
  switch (request.kind.kind) {
    case 'MeshPolicy': {
      const checked = validateMeshPolicy(request.object);
      return checked.ok ? { violations: [], warnings: warnMeshPolicy(checked.object.spec) } : violated(checked);
    }
    case 'MeshAccessPolicy':
      return violated(validateMeshAccessPolicy(request.object));
    case 'MeshConfig':
      return violated(validateMeshConfig(request.object, oldSpec(request.oldObject)));
    default:
      return PASS;
  }
}

function violated(checked: Checked<unknown>): Verdict {
  return checked.ok ? PASS : { violations: checked.violations, warnings: [] };
}

function oldSpec(object: unknown): MeshConfigSpec | undefined {
  return specOf(object) as MeshConfigSpec | undefined;
}

function specOf(object: unknown): unknown {
  return typeof object === 'object' && object !== null && 'spec' in object ? object.spec : undefined;
}

function describe(violations: readonly Violation[]): string {
  const said = violations.slice(0, MAX_VIOLATIONS_SAID).map(describeViolation).join('; ');
  const rest = violations.length - MAX_VIOLATIONS_SAID;
  return rest > 0 ? `${said}; and ${rest} more` : said;
}
