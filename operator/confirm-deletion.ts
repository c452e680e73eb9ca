import { isNotFound, type KubeClient, type KubeObject, RESOURCES, type Resource, refOfKey } from './kube/kube.ts';

/** Why an object of ours went: a person deleted it (undefined), or its namespace or its kind goes. */
export type Because = 'namespace' | 'kind' | undefined;

/** The object that is not there any more. `createdAt`: ISO 8601 with seconds, as Kubernetes writes it. */
export interface Gone {
  readonly resource: Resource;
  readonly key: string;
  readonly createdAt: string;
}

/**
 * Asks the API server why an object went. The contents of a namespace, and the objects of a CRD, are deleted before
 * the thing itself, and the order between watches is not defined: only looking tells these from a user's deletion.
 * A CRD that is younger than the object was deleted and made again meanwhile. A namespace of the same name that is made
 * again is another namespace, in which the object is truly gone.
 * Rejects when the API server cannot be asked; then nobody knows, and the object must stay.
 */
export async function whyDeleted(client: KubeClient, gone: Gone): Promise<Because> {
  const crd = await look(client, RESOURCES.customResourceDefinitions, `${gone.resource.plural}.${gone.resource.group}`);
  if (crd === 'going' || crd.createdAt > gone.createdAt) return 'kind';
  const { namespace } = refOfKey(gone.key);
  if (namespace !== undefined && (await look(client, RESOURCES.namespaces, namespace)) === 'going') return 'namespace';
  return undefined;
}

async function look(
  client: KubeClient,
  resource: Resource,
  name: string,
): Promise<'going' | { readonly createdAt: string }> {
  try {
    const { metadata } = await client.get<KubeObject>(resource, { name });
    return metadata.deletionTimestamp === undefined ? { createdAt: metadata.creationTimestamp ?? '' } : 'going';
  } catch (error) {
    if (isNotFound(error)) return 'going';
    throw error;
  }
}
