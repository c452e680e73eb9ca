/** Metadata that every Kubernetes object carries, as far as this operator reads it. Source: ObjectMeta v1. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** Any object of the API; what stands beside the metadata belongs to its kind. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** A kind, as the API's paths name it. `group` is empty for the core group. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** One object; `namespace` is absent for cluster-scoped kinds. */
export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

const core = (plural: string, kind: string, namespaced = true): Resource => {
  return { group: '', version: 'v1', plural, kind, namespaced };
};
const grouped = (group: string, version: string, plural: string, kind: string, namespaced = true): Resource => {
  return { group, version, plural, kind, namespaced };
};

/** Every kind that the operator touches: the list that its ClusterRole must cover. */
export const RESOURCES = {
  services: core('services', 'Service'),
  pods: core('pods', 'Pod'),
  namespaces: core('namespaces', 'Namespace', false),
  nodes: core('nodes', 'Node', false),
  secrets: core('secrets', 'Secret'),
  configMaps: core('configmaps', 'ConfigMap'),
  endpointSlices: grouped('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice'),
  serviceCidrs: grouped('networking.k8s.io', 'v1', 'servicecidrs', 'ServiceCIDR', false),
  leases: grouped('coordination.k8s.io', 'v1', 'leases', 'Lease'),
  events: grouped('events.k8s.io', 'v1', 'events', 'Event'),
  tokenReviews: grouped('authentication.k8s.io', 'v1', 'tokenreviews', 'TokenReview', false),
  customResourceDefinitions: grouped(
    'apiextensions.k8s.io',
    'v1',
    'customresourcedefinitions',
    'CustomResourceDefinition',
    false,
  ),
  mutatingWebhooks: grouped(
    'admissionregistration.k8s.io',
    'v1',
    'mutatingwebhookconfigurations',
    'MutatingWebhookConfiguration',
    false,
  ),
  validatingWebhooks: grouped(
    'admissionregistration.k8s.io',
    'v1',
    'validatingwebhookconfigurations',
    'ValidatingWebhookConfiguration',
    false,
  ),
  meshPolicies: grouped('heddle.dev', 'v1alpha1', 'meshpolicies', 'MeshPolicy'),
  meshAccessPolicies: grouped('heddle.dev', 'v1alpha1', 'meshaccesspolicies', 'MeshAccessPolicy'),
  meshConfigs: grouped('heddle.dev', 'v1alpha1', 'meshconfigs', 'MeshConfig', false),
} as const satisfies Record<string, Resource>;

/** `v1`, `discovery.k8s.io/v1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** Path of a collection, or of the object `name`, or of its subresource. A namespaced kind without namespace = all namespaces. */
export function resourcePath(resource: Resource, namespace?: string, name?: string, subresource?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const parts = [root];
  if (resource.namespaced && namespace !== undefined) parts.push('namespaces', encodeURIComponent(namespace));
  parts.push(resource.plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return parts.join('/');
}

/** `shop/payment`, or `payment` for a cluster-scoped object. */
export function objectKey(ref: ObjectRef): string {
  return ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`;
}

/** The inverse of `objectKey`. */
export function refOfKey(key: string): ObjectRef {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
