import type { PolicyStatus } from '../../crds/gen/types.ts';
import type { Mesh } from './mesh.ts';
import { now } from './moment.ts';
import { watch } from './watch.ts';

interface Policy {
  readonly metadata: { readonly generation: number };
  readonly status?: PolicyStatus;
}

/** An edit that took force. */
export interface InForce {
  /** When `InForce=True` of the new generation was read: a moment of `now()`. */
  readonly at: number;
  /** From the edit, which is when the watch showed that the API server had it. */
  readonly tookMs: number;
  /** From before `kubectl apply` was started, which says more of the machine than of the mesh. */
  readonly withKubectlMs: number;
  readonly selected: number;
}

/** Edits one of our objects and reads its status until the new generation is in force. */
export interface Edits {
  edit(act: () => Promise<void>): Promise<InForce>;
  stop(): void;
}

/** `object`: `meshpolicy/web`; it exists. */
export async function followEdits(mesh: Mesh, namespace: string, object: string): Promise<Edits> {
  const watching = await watch<Policy>(mesh, ['-n', namespace, object], true);
  let before = (await watching.until('a state', () => true)).object.metadata.generation;
  return {
    async edit(act) {
      const began = now();
      await act();
      const older = before;
      const edited = await watching.until(
        `an edit of ${object}`,
        (seen) => seen.object.metadata.generation > older,
        10_000,
      );
      before = edited.object.metadata.generation;
      const inForce = await watching.until(
        `${object} in force beyond generation ${older}`,
        (seen) => seen.object.metadata.generation > older && isInForce(seen.object),
        10_000,
      );
      return {
        at: inForce.at,
        tookMs: inForce.at - edited.at,
        withKubectlMs: inForce.at - began,
        selected: inForce.object.status?.rollout?.selected ?? 0,
      };
    },
    stop: () => watching.stop(),
  };
}

function isInForce({ metadata, status }: Policy): boolean {
  const found = status?.conditions?.find(({ type }) => type === 'InForce');
  return found?.status === 'True' && found.observedGeneration === metadata.generation;
}
