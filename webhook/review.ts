import type { V1Namespace, V1Pod } from '@kubernetes/client-node';
import { WRITTEN_ANNOTATIONS } from '../crds/labels.ts';
import { decide, type Entry } from './inject/decide.ts';
import { inject } from './inject/inject.ts';
import { type PatchOperation, patch } from './inject/patch.ts';
import { type InjectionDefaults, readWishes } from './inject/values.ts';
import { volumeProblems } from './inject/volumes.ts';

/** The part of admission.k8s.io/v1 AdmissionReview that is read. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly namespace?: string;
  readonly name?: string;
  readonly operation: string;
  readonly object: unknown;
  readonly oldObject?: unknown;
}

export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
  readonly warnings?: readonly string[];
  readonly patchType?: 'JSONPatch';
  readonly patch?: string;
}

/** What an admission of a pod is judged by. */
export interface PodContext {
  readonly entry: Entry;
  readonly namespace: V1Namespace;
  readonly defaults: InjectionDefaults;
  readonly selfCheckTarget: string | undefined;
  /** Makes a `PROBE_SECRET`. */
  readonly newSecret: () => string;
}

/** The answer for a pod: injected, left alone with its reason, or refused with a sentence. */
export function reviewPod(request: AdmissionRequest, context: PodContext): AdmissionResponse {
  const pod = request.object as V1Pod;
  const decision = decide(pod, context.namespace, context.entry);
  switch (decision.kind) {
    case 'deny':
      return refuse(request.uid, 403, 'Forbidden', decision.message);
    case 'skip':
      return patched(request.uid, skipPatch(pod, decision.reason), [`not injected: ${decision.message}`]);
    case 'inject':
      return injected(request.uid, pod, context);
  }
}

function injected(uid: string, pod: V1Pod, context: PodContext): AdmissionResponse {
  const wishes = readWishes(pod, context.defaults);
  const problems = [
    ...wishes.problems.map((problem) => `metadata.annotations[${problem.annotation}]: ${problem.message}`),
    ...volumeProblems(pod),
  ];
  if (problems.length > 0) return refuse(uid, 422, 'Invalid', problems.slice(0, MAX_PROBLEMS).join('; '));
  const injection = inject(pod, wishes.values, context.selfCheckTarget, context.newSecret);
  return patched(uid, patch(pod, injection.pod), [...wishes.warnings, ...injection.warnings]);
}

function skipPatch(pod: V1Pod, reason: string): PatchOperation[] {
  const annotations = { ...pod.metadata?.annotations, [WRITTEN_ANNOTATIONS.notInjected]: reason };
  return patch(pod, { ...pod, metadata: { ...pod.metadata, annotations } });
}

export function refuse(uid: string, code: number, reason: string, message: string): AdmissionResponse {
  return { uid, allowed: false, status: { code, reason, message: `heddle: ${message}` } };
}

/** kubectl prints each on a line of its own; the API server drops what is beyond 4,096 characters in all. */
const MAX_WARNINGS = 10;
const MAX_WARNING = 256;
const MAX_PROBLEMS = 10;

/** As the API server takes them: short, and few. */
export function sayWarnings(warnings: readonly string[]): string[] {
  const said = warnings.map((warning) => `heddle: ${warning}`);
  const more = said.length - MAX_WARNINGS;
  const kept = more > 0 ? [...said.slice(0, MAX_WARNINGS - 1), `heddle: and ${more + 1} more warnings`] : said;
  return kept.map((text) => (text.length <= MAX_WARNING ? text : `${text.slice(0, MAX_WARNING - 1)}…`));
}

function patched(uid: string, operations: readonly PatchOperation[], warnings: readonly string[]): AdmissionResponse {
  const said = sayWarnings(warnings);
  return {
    uid,
    allowed: true,
    ...(said.length > 0 ? { warnings: said } : {}),
    ...(operations.length > 0
      ? { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') }
      : {}),
  };
}
