import { describeError } from '../../proxy/base/errors.ts';
import { SYSTEM_NAMESPACE, TRUST_CONFIG_MAP } from '../../proxy/contract/bootstrap.ts';
import { apiVersionOf, type KubeClient, type KubeObject, RESOURCES } from '../kube/kube.ts';
import { firstRoot } from './bundle.ts';
import { fingerprint } from './certificate.ts';
import { GIVE_UP_ANNOTATION, type KeepFacts, type SecretSeen } from './keep-decision.ts';
import { decodeSlots, encodeSlots, type Slots } from './slots.ts';

export const CA_SECRET = { namespace: SYSTEM_NAMESPACE, name: 'heddle-ca' } as const;

interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}
interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** The Secret as read, and the version that a rotation must replace. */
export interface ReadSecret {
  readonly seen: SecretSeen;
  readonly resourceVersion: string | undefined;
}

export async function readSecret(client: KubeClient): Promise<ReadSecret> {
  const secret = await client.find<Secret>(RESOURCES.secrets, CA_SECRET);
  if (secret === undefined) return { seen: { kind: 'absent' }, resourceVersion: undefined };
  return { seen: decode(secret), resourceVersion: secret.metadata.resourceVersion };
}

/** What the rest of the cluster says about a root that should exist. Asked only when the Secret is absent. */
export async function readEvidence(client: KubeClient): Promise<Pick<KeepFacts, 'published' | 'givenUp'>> {
  const bundle = await client.find<ConfigMap>(RESOURCES.configMaps, {
    namespace: SYSTEM_NAMESPACE,
    name: TRUST_CONFIG_MAP.name,
  });
  const namespace = await client.find<KubeObject>(RESOURCES.namespaces, { name: SYSTEM_NAMESPACE });
  const root = firstRoot(bundle?.data?.[TRUST_CONFIG_MAP.key] ?? '');
  return {
    published: root === undefined ? undefined : fingerprint(root),
    givenUp: namespace?.metadata.annotations?.[GIVE_UP_ANNOTATION],
  };
}

/** Fails with 409 when somebody else was faster. */
export function createSecret(client: KubeClient, slots: Slots): Promise<KubeObject> {
  return client.create(RESOURCES.secrets, secretOf(slots, {}));
}

/** A rotation: replaces exactly the version that was read, 409 otherwise. */
export function replaceSecret(client: KubeClient, slots: Slots, resourceVersion: string): Promise<KubeObject> {
  return client.replace(RESOURCES.secrets, secretOf(slots, { resourceVersion }));
}

function secretOf(slots: Slots, version: { readonly resourceVersion?: string }): Secret {
  return {
    apiVersion: apiVersionOf(RESOURCES.secrets),
    kind: RESOURCES.secrets.kind,
    metadata: { ...CA_SECRET, ...version, labels: { 'app.kubernetes.io/part-of': 'heddle' } },
    type: 'Opaque',
    data: encodeSlots(slots),
  };
}

function decode(secret: Secret): SecretSeen {
  try {
    return { kind: 'valid', slots: decodeSlots(secret.data ?? {}) };
  } catch (error) {
    return { kind: 'invalid', error: describeError(error) };
  }
}
