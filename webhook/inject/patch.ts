import type { V1Pod } from '@kubernetes/client-node';

/** RFC 6902 operation; `add` on an existing member replaces it. */
export interface PatchOperation {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

/** Whole members only: five operations at most, whatever the pod. Equal members need none, so a second injection patches nothing. */
export function patch(before: V1Pod, after: V1Pod): PatchOperation[] {
  const members: readonly (readonly [string, unknown, unknown])[] = [
    ['/metadata/annotations', before.metadata?.annotations, after.metadata?.annotations],
    ['/metadata/labels', before.metadata?.labels, after.metadata?.labels],
    ['/spec/initContainers', before.spec?.initContainers, after.spec?.initContainers],
    ['/spec/containers', before.spec?.containers, after.spec?.containers],
    ['/spec/volumes', before.spec?.volumes, after.spec?.volumes],
  ];
  return members
    .filter(([, old, now]) => now !== undefined && JSON.stringify(old) !== JSON.stringify(now))
    .map(([path, , value]) => ({ op: 'add', path, value }));
}
