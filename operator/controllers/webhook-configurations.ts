import { GROUP, LABELS, NEVER_INJECTED, VERSION } from '../../crds/labels.ts';
import { SYSTEM_NAMESPACE } from '../../proxy/contract/bootstrap.ts';
import { apiVersionOf, type KubeObject, type OwnerReference, RESOURCES, type Resource } from '../kube/kube.ts';

/** The webhook's Service and the names of what is made for it. */
export const WEBHOOK = {
  service: { namespace: SYSTEM_NAMESPACE, name: 'heddle-webhook' },
  port: 443,
  host: `heddle-webhook.${SYSTEM_NAMESPACE}.svc`,
  secret: { namespace: SYSTEM_NAMESPACE, name: 'heddle-webhook-tls' },
  /** Name of both webhook configurations. */
  configuration: 'heddle',
} as const;

/** Whom the configurations belong to (they go with it) and whom the API server shall trust. */
export interface ConfigurationInputs {
  /** uid of the Namespace object heddle-system. */
  readonly ownerUid: string;
  /** PEM. */
  readonly bundle: string;
}

/** A webhook that is down must not hold up a creation for longer than this. */
const TIMEOUT_SECONDS = 5;

interface Selector {
  readonly key: string;
  readonly operator: 'In' | 'NotIn';
  readonly values: readonly string[];
}

interface Entry {
  readonly name: 'required' | 'enabled' | 'pod';
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly namespaces: Selector;
  readonly pods?: Selector;
}

/** Three disjoint entries: a pod meets at most one. DESIGN section 4, "Injection". */
const ENTRIES: readonly Entry[] = [
  { name: 'required', failurePolicy: 'Fail', namespaces: { key: LABELS.inject, operator: 'In', values: ['required'] } },
  {
    name: 'enabled',
    failurePolicy: 'Ignore',
    namespaces: { key: LABELS.inject, operator: 'In', values: ['enabled'] },
    pods: { key: LABELS.inject, operator: 'NotIn', values: ['disabled'] },
  },
  {
    name: 'pod',
    failurePolicy: 'Fail',
    namespaces: { key: LABELS.inject, operator: 'NotIn', values: ['enabled', 'required'] },
    pods: { key: LABELS.inject, operator: 'In', values: ['enabled'] },
  },
];

/** kube-system must start without us, heddle-system holds the webhook itself. The label is the API server's own. */
const NEVER: Selector = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: NEVER_INJECTED };

export interface WebhookConfiguration extends KubeObject {
  readonly webhooks: readonly Readonly<Record<string, unknown>>[];
}

export function mutatingConfiguration(inputs: ConfigurationInputs): WebhookConfiguration {
  const webhooks = ENTRIES.map((entry) => ({
    ...common(`${entry.name}.inject.${GROUP}`, `/mutate/${entry.name}`, inputs),
    failurePolicy: entry.failurePolicy,
    // A later webhook may add containers whose probes must be rewritten too.
    reinvocationPolicy: 'IfNeeded',
    namespaceSelector: { matchExpressions: [entry.namespaces, NEVER] },
    objectSelector: entry.pods === undefined ? {} : { matchExpressions: [entry.pods] },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' }],
  }));
  return configuration(RESOURCES.mutatingWebhooks, inputs, webhooks);
}

/** Ignore: the operator repeats every check, so nothing depends on the webhook having run. */
export function validatingConfiguration(inputs: ConfigurationInputs): WebhookConfiguration {
  const webhook = {
    ...common(`validate.${GROUP}`, '/validate', inputs),
    failurePolicy: 'Ignore',
    rules: [
      {
        apiGroups: [GROUP],
        apiVersions: [VERSION],
        operations: ['CREATE', 'UPDATE'],
        resources: ['meshpolicies', 'meshaccesspolicies', 'meshconfigs'],
        scope: '*',
      },
    ],
  };
  return configuration(RESOURCES.validatingWebhooks, inputs, [webhook]);
}

function common(name: string, path: string, inputs: ConfigurationInputs): Record<string, unknown> {
  return {
    name,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    timeoutSeconds: TIMEOUT_SECONDS,
    matchPolicy: 'Equivalent',
    clientConfig: {
      service: { ...WEBHOOK.service, path, port: WEBHOOK.port },
      caBundle: Buffer.from(inputs.bundle).toString('base64'),
    },
  };
}

function configuration(
  resource: Resource,
  inputs: ConfigurationInputs,
  webhooks: WebhookConfiguration['webhooks'],
): WebhookConfiguration {
  const owner: OwnerReference = { apiVersion: 'v1', kind: 'Namespace', name: SYSTEM_NAMESPACE, uid: inputs.ownerUid };
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: {
      name: WEBHOOK.configuration,
      labels: { 'app.kubernetes.io/part-of': 'heddle' },
      ownerReferences: [owner],
    },
    webhooks,
  };
}
