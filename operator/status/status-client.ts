import type { PolicyStatus } from '../../crds/gen/types.ts';
import { API_VERSION } from '../../crds/labels.ts';
import { isNotFound, type KubeClient, type KubeObject, RESOURCES, type Resource } from '../kube/kube.ts';

export type StatusKind = 'MeshPolicy' | 'MeshAccessPolicy' | 'MeshConfig';

/** The object whose status is meant. */
export interface Subject {
  readonly kind: StatusKind;
  /** Empty for MeshConfig. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What the status writer needs of the API server. */
export interface StatusClient {
  /** The status as it stands; undefined: the object has none, or is gone. */
  read(subject: Subject): Promise<PolicyStatus | undefined>;
  /**
   * `gone`: no such object any more (or another one of that name). `mayWrite` is asked after the version was read: who stopped leading while it
   * was read writes nothing, and who stops afterwards is stopped by the version, once the next leader has written.
   */
  apply(subject: Subject, status: PolicyStatus, mayWrite: () => boolean): Promise<'written' | 'gone' | 'notLeader'>;
}

/** One manager for the status of our kinds: nobody else writes it. */
const MANAGER = 'heddle-status';

const RESOURCE_OF: Readonly<Record<StatusKind, Resource>> = {
  MeshPolicy: RESOURCES.meshPolicies,
  MeshAccessPolicy: RESOURCES.meshAccessPolicies,
  MeshConfig: RESOURCES.meshConfigs,
};

interface WithStatus extends KubeObject {
  readonly status?: PolicyStatus;
}

/**
 * Server-side apply of the status subresource. The API server does not look at a uid there (tried), so the object is read first
 * and its resourceVersion goes along: a status never lands on another object of the same name. A write in between fails
 * with a conflict, and the controller tries again.
 */
export function createStatusClient(client: Pick<KubeClient, 'find' | 'apply'>): StatusClient {
  const find = async (subject: Subject): Promise<WithStatus | undefined> => {
    const live = await client.find<WithStatus>(RESOURCE_OF[subject.kind], refOf(subject));
    return live?.metadata.uid === subject.uid ? live : undefined;
  };
  return {
    read: async (subject) => (await find(subject))?.status,
    async apply(subject, status, mayWrite) {
      const resourceVersion = (await find(subject))?.metadata.resourceVersion;
      if (resourceVersion === undefined) return 'gone';
      if (!mayWrite()) return 'notLeader';
      const { kind } = subject;
      const object = { apiVersion: API_VERSION, kind, metadata: { ...refOf(subject), resourceVersion }, status };
      try {
        await client.apply<WithStatus>(RESOURCE_OF[kind], object, MANAGER, { subresource: 'status' });
        return 'written';
      } catch (error) {
        if (isNotFound(error)) return 'gone';
        throw error;
      }
    },
  };
}

const refOf = ({ namespace, name }: Subject): { name: string; namespace?: string } =>
  namespace === '' ? { name } : { namespace, name };
