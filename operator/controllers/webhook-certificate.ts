import type { Clock } from '../../proxy/base/clock.ts';
import { describeError } from '../../proxy/base/errors.ts';
import type { Log } from '../../proxy/base/log.ts';
import { SYSTEM_NAMESPACE } from '../../proxy/contract/bootstrap.ts';
import { type AuthorityState, issueServing } from '../ca/ca.ts';
import {
  applyObject,
  covers,
  DONE,
  type KubeClient,
  type KubeObject,
  type Outcome,
  RESOURCES,
  type Resource,
} from '../kube/kube.ts';
import {
  mutatingConfiguration,
  validatingConfiguration,
  WEBHOOK,
  type WebhookConfiguration,
} from './webhook-configurations.ts';
import { decideServingSecret, type TlsSecret, tlsSecret } from './webhook-secret.ts';

export interface WebhookCertificateOptions {
  readonly client: KubeClient;
  readonly authority: () => AuthorityState;
  readonly isLeader: () => boolean;
  /** Resolves when the webhook answered under the names and roots that the API server will use. */
  readonly call: (bundle: string) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** 7 days, renewed after 3.5: longer than any outage of the operator, shorter than the issuer's 30. */
export const WEBHOOK_CERTIFICATE_MS = 7 * 24 * 3_600_000;
const LOOK_AGAIN_MS = 60_000;
/** While the webhook does not answer: `kubectl apply` must converge within seconds. */
const CALL_AGAIN_MS = 1_000;
const MANAGER = 'heddle-webhook-certificate';

/**
 * Keeps the webhook's serving certificate, and once the webhook answers under it, both webhook configurations.
 * In this order: nothing that can refuse a pod exists before the webhook was seen to work.
 */
export function createWebhookReconcile(options: WebhookCertificateOptions): () => Promise<Outcome> {
  const { client, clock, log } = options;
  let complained = '';

  const keepSecret = async (authority: AuthorityState & { kind: 'ready' }): Promise<number> => {
    const live = await client.find<TlsSecret>(RESOURCES.secrets, WEBHOOK.secret);
    const decision = decideServingSecret(live, authority.bundle, clock.wall());
    if (decision.kind === 'keep') return decision.at;
    const names = { dnsNames: [WEBHOOK.host, `${WEBHOOK.host}.cluster.local`], usages: 'server' } as const;
    const made = await issueServing(authority, names, clock.wall(), WEBHOOK_CERTIFICATE_MS);
    const secret = tlsSecret(made, live?.metadata.resourceVersion);
    await (live === undefined ? client.create(RESOURCES.secrets, secret) : client.replace(RESOURCES.secrets, secret));
    log.info('the serving certificate of the webhook was issued', {
      why: decision.why,
      until: new Date(made.notAfter).toISOString(),
    });
    return clock.wall() + LOOK_AGAIN_MS;
  };

  const keepConfigurations = async (bundle: string, ownerUid: string): Promise<'current' | 'waiting'> => {
    const inputs = { ownerUid, bundle };
    const wanted: [Resource, WebhookConfiguration][] = [
      [RESOURCES.mutatingWebhooks, mutatingConfiguration(inputs)],
      [RESOURCES.validatingWebhooks, validatingConfiguration(inputs)],
    ];
    const live = await Promise.all(
      wanted.map(([resource, object]) => client.find(resource, { name: object.metadata.name })),
    );
    const stale = wanted.filter((_, index) => !isCurrent(live[index], wanted[index]?.[1]));
    if (stale.length === 0) return 'current';
    if (!(await answers(bundle))) return 'waiting';
    for (const [resource, object] of stale)
      await applyObject({ client, resource, manager: MANAGER }, object, undefined);
    log.info('the webhook answers; its configurations are written', { count: stale.length });
    return 'current';
  };

  /** heddle-system goes, and with it the webhook, within seconds; the garbage collector comes only after its last object. */
  const leave = async (): Promise<Outcome> => {
    for (const resource of [RESOURCES.mutatingWebhooks, RESOURCES.validatingWebhooks]) {
      await client.remove(resource, { name: WEBHOOK.configuration });
    }
    return DONE;
  };

  const answers = async (bundle: string): Promise<boolean> => {
    try {
      await options.call(bundle);
      complained = '';
      return true;
    } catch (error) {
      const text = describeError(error);
      if (text !== complained) log.info('waiting for the webhook', { what: text });
      complained = text;
      return false;
    }
  };

  return async () => {
    const authority = options.authority();
    if (!options.isLeader() || authority.kind !== 'ready') return { kind: 'requeue', afterMs: CALL_AGAIN_MS };
    const owner = await client.get<KubeObject>(RESOURCES.namespaces, { name: SYSTEM_NAMESPACE });
    if (owner.metadata.deletionTimestamp !== undefined) return leave();
    const renewAt = await keepSecret(authority);
    const state = await keepConfigurations(authority.bundle, owner.metadata.uid ?? '');
    if (state === 'waiting') return { kind: 'requeue', afterMs: CALL_AGAIN_MS };
    return { kind: 'requeue', afterMs: Math.max(CALL_AGAIN_MS, Math.min(LOOK_AGAIN_MS, renewAt - clock.wall())) };
  };
}

function isCurrent(live: KubeObject | undefined, wanted: WebhookConfiguration | undefined): boolean {
  return live !== undefined && covers(live, wanted);
}
