import { fingerprint } from './certificate.ts';
import type { Slots } from './slots.ts';

/** What the Secret `heddle-ca` turned out to be. */
export type SecretSeen =
  | { readonly kind: 'valid'; readonly slots: Slots }
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly error: string };

export interface KeepFacts {
  readonly secret: SecretSeen;
  /** What this process held until now. */
  readonly held: Slots | undefined;
  /** Fingerprint of the root that was published in the trust bundle of heddle-system; undefined = never published. */
  readonly published: string | undefined;
  /** Fingerprint of the root that a person gave up by annotation. */
  readonly givenUp: string | undefined;
}

export type KeepStep =
  | { readonly kind: 'use'; readonly slots: Slots }
  /** First start, or the lost root was given up. */
  | { readonly kind: 'create' }
  | { readonly kind: 'restore'; readonly slots: Slots }
  /** The Secret is damaged: never overwritten; what is held signs on. */
  | { readonly kind: 'hold'; readonly slots: Slots; readonly error: string }
  | { readonly kind: 'stop'; readonly reason: 'RootMissing' | 'RootInvalid'; readonly message: string };

/** Annotation of the Namespace heddle-system: its value is the fingerprint of the root that is given up, so it works once. */
export const GIVE_UP_ANNOTATION = 'heddle.dev/give-up-root';

/** Absence is never permission: a Secret that is gone does not mean that the mesh may change its root. */
export function decideKeep(facts: KeepFacts): KeepStep {
  const { secret, held, published } = facts;
  if (secret.kind === 'valid') return { kind: 'use', slots: secret.slots };
  if (secret.kind === 'invalid') return invalid(secret.error, held);
  const lost = held === undefined ? published : fingerprint(held.current.root.certificatePem);
  if (lost === undefined || lost === facts.givenUp) return { kind: 'create' };
  if (held !== undefined) return { kind: 'restore', slots: held };
  return { kind: 'stop', reason: 'RootMissing', message: missing(lost) };
}

function invalid(error: string, held: Slots | undefined): KeepStep {
  if (held !== undefined) return { kind: 'hold', slots: held, error };
  return {
    kind: 'stop',
    reason: 'RootInvalid',
    message: `the Secret heddle-system/heddle-ca cannot be used (${error}); restore it from a backup`,
  };
}

function missing(lost: string): string {
  return (
    `the Secret heddle-system/heddle-ca is gone and no replica holds its root ${lost}; nothing is signed. Restore the Secret from a backup, ` +
    `or give the root up (every proxy must then be restarted): kubectl annotate namespace heddle-system ${GIVE_UP_ANNOTATION}=${lost} --overwrite`
  );
}
