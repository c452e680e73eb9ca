import { createPrivateKey, X509Certificate } from 'node:crypto';
import { apiVersionOf, type KubeObject, RESOURCES } from '../kube/kube.ts';
import { WEBHOOK } from './webhook-configurations.ts';

export interface TlsSecret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

export type SecretDecision =
  /** Good until `at` (epoch milliseconds). */
  { readonly kind: 'keep'; readonly at: number } | { readonly kind: 'issue'; readonly why: string };

/** Half of the life: the kubelet takes up to two minutes to bring it into the pod. */
const RENEW_AT = 0.5;

/** Pure: is the certificate in the Secret good for some time yet? */
export function decideServingSecret(secret: TlsSecret | undefined, bundle: string, now: number): SecretDecision {
  if (secret === undefined) return { kind: 'issue', why: 'there is none' };
  if (member(secret, 'ca.crt') !== bundle) return { kind: 'issue', why: 'the trusted roots changed' };
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(member(secret, 'tls.crt'));
    if (!certificate.checkPrivateKey(createPrivateKey(member(secret, 'tls.key'))))
      return { kind: 'issue', why: 'the key does not fit' };
  } catch {
    return { kind: 'issue', why: 'it cannot be read' };
  }
  if (certificate.checkHost(WEBHOOK.host) === undefined) return { kind: 'issue', why: 'it is for another name' };
  const from = certificate.validFromDate.getTime();
  const until = certificate.validToDate.getTime();
  const at = from + (until - from) * RENEW_AT;
  return now >= at ? { kind: 'issue', why: 'half of its life has passed' } : { kind: 'keep', at };
}

export function tlsSecret(
  certificate: { keyPem: string; chainPem: string; bundlePem: string },
  resourceVersion: string | undefined,
): TlsSecret {
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  return {
    apiVersion: apiVersionOf(RESOURCES.secrets),
    kind: RESOURCES.secrets.kind,
    metadata: {
      ...WEBHOOK.secret,
      labels: { 'app.kubernetes.io/part-of': 'heddle' },
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    type: 'kubernetes.io/tls',
    data: {
      'tls.crt': encode(certificate.chainPem),
      'tls.key': encode(certificate.keyPem),
      'ca.crt': encode(certificate.bundlePem),
    },
  };
}

function member(secret: TlsSecret, name: string): string {
  return Buffer.from(secret.data?.[name] ?? '', 'base64').toString('utf8');
}
