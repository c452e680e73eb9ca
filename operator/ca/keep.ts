import type { Clock } from '../../proxy/base/clock.ts';
import type { Log } from '../../proxy/base/log.ts';
import { Cell, type Watch } from '../../proxy/base/watch.ts';
import { isConflict, type KubeClient, type Outcome } from '../kube/kube.ts';
import { createSigner, makeIssuer, makeRoot, makeSlot, type Signer } from './authority.ts';
import { bundleOf } from './bundle.ts';
import { createSecret, readEvidence, readSecret, replaceSecret } from './ca-secret.ts';
import { decideKeep, type KeepStep } from './keep-decision.ts';
import { decideRotation, type RotationLives, type RotationStep } from './rotation.ts';
import type { Slots } from './slots.ts';

/** What the authority can do now. `reason` is a `CertificateRefusal` reason. */
export type AuthorityState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready'; readonly slots: Slots; readonly signer: Signer; readonly bundle: string }
  | { readonly kind: 'stopped'; readonly reason: 'RootMissing' | 'RootInvalid'; readonly message: string };

export interface KeepOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Only a leader creates, restores and rotates; a standby reads along, so that it can restore what it holds. */
  readonly isLeader: () => boolean;
  readonly lives: RotationLives;
}

export interface Keep {
  readonly state: Watch<AuthorityState>;
  /** One look at the Secret and what follows from it. For a controller; `requeue` says when to look again. */
  reconcile(): Promise<Outcome>;
}

/** The Secret is looked at this often beside its events. */
const LOOK_AGAIN_MS = 60_000;
/** While nobody has made it yet. */
const WAIT_MS = 1_000;

/** Keeps the mesh's root: in the Secret, in memory, and rotated. */
export function createKeep(options: KeepOptions): Keep {
  const { client, clock, log } = options;
  const state = new Cell<AuthorityState>({ kind: 'starting' });

  const use = async (slots: Slots): Promise<void> => {
    const bundle = bundleOf(slots);
    const before = state.value;
    if (before.kind === 'ready' && before.bundle === bundle && sameIssuer(before.slots, slots)) return;
    const signer = await createSigner(slots.current);
    log.info('the authority is ready', {
      root: signer.rootFingerprint,
      issuerUntil: new Date(slots.current.issuer.notAfter).toISOString(),
    });
    state.set({ kind: 'ready', slots, signer, bundle });
  };

  const stop = (step: KeepStep & { kind: 'stop' }): void => {
    if (state.value.kind === 'stopped' && state.value.message === step.message) return;
    log.error('signing stopped', { reason: step.reason, what: step.message });
    state.set({ kind: 'stopped', reason: step.reason, message: step.message });
  };

  const rotate = async (slots: Slots, resourceVersion: string): Promise<Outcome> => {
    const step = decideRotation(slots, clock.wall(), options.lives);
    if (step.kind === 'nothing')
      return { kind: 'requeue', afterMs: Math.min(LOOK_AGAIN_MS, Math.max(1_000, step.at - clock.wall())) };
    if (!options.isLeader()) return { kind: 'requeue', afterMs: LOOK_AGAIN_MS };
    const rotated = await rotateSlots(slots, step, clock.wall());
    await replaceSecret(client, rotated, resourceVersion);
    log.info('the authority rotated', { step: step.kind });
    await use(rotated);
    return { kind: 'requeue', afterMs: 0 };
  };

  const create = async (slots: Slots, what: string): Promise<Outcome> => {
    if (!options.isLeader()) return { kind: 'requeue', afterMs: WAIT_MS };
    try {
      await createSecret(client, slots);
      log.warn(what, {});
    } catch (error) {
      // 409: another replica made it in between; its Secret is the true one and is read next.
      if (!isConflict(error)) throw error;
    }
    return { kind: 'requeue', afterMs: 0 };
  };

  return {
    state,
    async reconcile() {
      const held = state.value.kind === 'ready' ? state.value.slots : undefined;
      const { seen, resourceVersion } = await readSecret(client);
      const evidence =
        seen.kind === 'absent' ? await readEvidence(client) : { published: undefined, givenUp: undefined };
      const step = decideKeep({ secret: seen, held, ...evidence });
      switch (step.kind) {
        case 'use':
          await use(step.slots);
          return rotate(step.slots, resourceVersion ?? '');
        case 'create':
          return create(await firstSlots(held, clock.wall()), 'a new root is made');
        case 'restore':
          return create(step.slots, 'the Secret heddle-ca was gone and is restored from memory');
        case 'hold':
          log.error('the Secret heddle-ca cannot be used; what is held in memory signs on', { what: step.error });
          return { kind: 'requeue', afterMs: LOOK_AGAIN_MS };
        case 'stop':
          stop(step);
          return { kind: 'requeue', afterMs: LOOK_AGAIN_MS };
      }
    },
  };
}

/** A new root. Where the one given up is still known it stays trusted until its leaves have run out. */
async function firstSlots(held: Slots | undefined, now: number): Promise<Slots> {
  const current = await makeSlot(now);
  if (held === undefined) return { current };
  return { current, previous: { rootPem: held.current.root.certificatePem, retiredAt: now } };
}

async function rotateSlots(slots: Slots, step: RotationStep, now: number): Promise<Slots> {
  const { current, next } = slots;
  switch (step.kind) {
    case 'renew-issuer':
      return { ...slots, current: { root: current.root, issuer: await makeIssuer(current.root, now) } };
    case 'introduce-next':
      return { ...slots, next: { root: await makeRoot(now), introducedAt: now } };
    case 'promote-next': {
      if (next === undefined) return slots;
      const previous = { rootPem: current.root.certificatePem, retiredAt: now };
      return { current: { root: next.root, issuer: await makeIssuer(next.root, now) }, previous };
    }
    case 'drop-previous':
      return { current, ...(next === undefined ? {} : { next }) };
    case 'nothing':
      return slots;
  }
}

function sameIssuer(left: Slots, right: Slots): boolean {
  return left.current.issuer.certificatePem === right.current.issuer.certificatePem;
}
