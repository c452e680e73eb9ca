import { isNotFound, type KubeClient, type KubeObject, RESOURCES, type Resource, refOfKey } from './kube/kube.ts';

/** Why an object of ours went: a person deleted it (undefined), or its namespace or its kind goes. */
export type Because = 'namespace' | 'kind' | undefined;

/**
 * Asks the API server why an object went. The contents of a namespace, and the objects of a CRD, are deleted before
 * the thing itself, and the order between watches is not defined: only looking tells these from a user's deletion.
 * Rejects when the API server cannot be asked; then nobody knows, and the object must stay.
 */
export async function whyDeleted(client: KubeClient, resource: Resource, key: string): Promise<Because> {
  const crd = `${resource.plural}.${resource.group}`;
  if (await isGoing(client, RESOURCES.customResourceDefinitions, crd)) return 'kind';
  const { namespace } = refOfKey(key);
  if (namespace !== undefined && (await isGoing(client, RESOURCES.namespaces, namespace))) return 'namespace';
  return undefined;
}

async function isGoing(client: KubeClient, resource: Resource, name: string): Promise<boolean> {
  try {
    const found = await client.get<KubeObject>(resource, { name });
    return found.metadata.deletionTimestamp !== undefined;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}
