import { SYSTEM_NAMESPACE, TRUST_CONFIG_MAP } from '../../proxy/contract/bootstrap.ts';
import {
  apiVersionOf,
  applyObject,
  DONE,
  isNotFound,
  type KubeClient,
  KubeError,
  type KubeObject,
  type Outcome,
  RESOURCES,
} from '../kube/kube.ts';

/** The trust bundle's ConfigMap, as far as it is looked at. */
export interface BundleConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** What is known of one namespace. */
export interface TrustFacts {
  /** undefined = the namespace does not exist. */
  readonly namespace: { readonly terminating: boolean } | undefined;
  /** Labelled for injection, or a pod in it carries our sidecar. */
  readonly isMember: boolean;
  readonly live: BundleConfigMap | undefined;
  /** undefined while the authority is not ready: then nothing is touched. */
  readonly bundle: string | undefined;
}

export type TrustDecision = 'nothing' | 'write' | 'remove';

const OURS = { name: 'app.kubernetes.io/part-of', value: 'heddle' } as const;

/**
 * Pure: heddle-system always holds it, because it is the evidence that a root exists. Where nobody asked for the mesh, an object that only has
 * the name is somebody else's.
 */
export function decideTrust(name: string, facts: TrustFacts): TrustDecision {
  if (facts.namespace === undefined || facts.namespace.terminating || facts.bundle === undefined) return 'nothing';
  if (!facts.isMember && name !== SYSTEM_NAMESPACE) {
    return facts.live?.metadata.labels?.[OURS.name] === OURS.value ? 'remove' : 'nothing';
  }
  return facts.live?.data?.[TRUST_CONFIG_MAP.key] === facts.bundle ? 'nothing' : 'write';
}

export interface TrustOptions {
  readonly client: KubeClient;
  readonly facts: (namespace: string) => TrustFacts;
  readonly isLeader: () => boolean;
}

const MANAGER = 'heddle-trust';

/** Keeps the ConfigMap of one namespace equal to the bundle. The key is the namespace's name. */
export function createTrustReconcile(options: TrustOptions): (namespace: string) => Promise<Outcome> {
  const { client } = options;
  return async (namespace) => {
    if (!options.isLeader()) return DONE;
    const facts = options.facts(namespace);
    const decision = decideTrust(namespace, facts);
    if (decision === 'remove') await client.remove(RESOURCES.configMaps, { namespace, name: TRUST_CONFIG_MAP.name });
    if (decision === 'write') return write(client, namespace, facts);
    return DONE;
  };
}

async function write(client: KubeClient, namespace: string, facts: TrustFacts): Promise<Outcome> {
  const wanted: BundleConfigMap = {
    apiVersion: apiVersionOf(RESOURCES.configMaps),
    kind: RESOURCES.configMaps.kind,
    metadata: { namespace, name: TRUST_CONFIG_MAP.name, labels: { [OURS.name]: OURS.value } },
    data: { [TRUST_CONFIG_MAP.key]: facts.bundle ?? '' },
  };
  try {
    await applyObject({ client, resource: RESOURCES.configMaps, manager: MANAGER }, wanted, facts.live);
    return DONE;
  } catch (error) {
    // The namespace went, or began to go, after we looked.
    const going =
      isNotFound(error) ||
      (error instanceof KubeError && error.status === 403 && error.message.includes('being terminated'));
    return going ? { kind: 'dropped', reason: `namespace ${namespace} is being deleted` } : { kind: 'retry', error };
  }
}
