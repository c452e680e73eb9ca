import https from 'node:https';
import { HeddleError } from '../../proxy/base/errors.ts';
import { type KubeClient, type KubeObject, RESOURCES } from '../kube/kube.ts';
import { WEBHOOK } from './webhook-configurations.ts';

interface Service extends KubeObject {
  readonly spec?: { readonly clusterIP?: string };
}

const TIMEOUT_MS = 3_000;

/**
 * Calls the webhook as the API server will: its Service's cluster address, the Service's name verified against our
 * roots. Resolves when it answered 200; otherwise rejects with what to look at.
 */
export async function callWebhook(client: KubeClient, bundle: string): Promise<void> {
  const service = await client.find<Service>(RESOURCES.services, WEBHOOK.service);
  const address = service?.spec?.clusterIP;
  if (address === undefined || address === 'None') {
    throw failed('there is no Service heddle-webhook with a cluster address');
  }
  const status = await get(address, WEBHOOK.port, bundle);
  if (status !== 200) throw failed(`/healthz answered ${status}`);
}

/** GET /healthz at `address`, verified as the webhook's host; resolves with the status. */
export function get(address: string, port: number, bundle: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const request = https.request({
    hostname: address,
    port,
    path: '/healthz',
    ca: bundle,
    servername: WEBHOOK.host,
    headers: { host: WEBHOOK.host },
    timeout: TIMEOUT_MS,
    // A connection of its own each time: a kept one would prove yesterday's certificate.
    agent: false,
  });
  const timer = setTimeout(() => request.destroy(failed(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  request.on('response', (response) => {
    response.resume();
    response.on('close', () => clearTimeout(timer));
    resolve(response.statusCode ?? 0);
  });
  request.on('error', (cause) => {
    clearTimeout(timer);
    reject(cause instanceof HeddleError ? cause : failed('the call failed', cause));
  });
  request.end();
  return promise;
}

function failed(why: string, cause?: unknown): HeddleError {
  return new HeddleError('webhook', `the webhook does not answer yet: ${why}`, {
    where: { service: `${WEBHOOK.service.namespace}/${WEBHOOK.service.name}` },
    cause,
  });
}
