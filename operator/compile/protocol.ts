import type { Protocol } from '../../proxy/contract/snapshot.ts';
import type { ServicePortRecord } from '../model/model.ts';

/**
 * Values of `appProtocol` (KEP-3726 and IANA names) and first words of port names (Istio's convention, which people have used for years).
 * TLS and databases are opaque bytes; several of the databases speak first, so they must not wait to be looked at.
 */
const APP_PROTOCOLS: Readonly<Record<string, Protocol>> = {
  http: 'http',
  'kubernetes.io/ws': 'http',
  http2: 'http2',
  h2c: 'http2',
  'kubernetes.io/h2c': 'http2',
  grpc: 'grpc',
  'grpc-web': 'http',
  tcp: 'tcp',
  tls: 'tcp',
  https: 'tcp',
  'kubernetes.io/wss': 'tcp',
  mysql: 'tcp',
  postgres: 'tcp',
  postgresql: 'tcp',
  mongo: 'tcp',
  mongodb: 'tcp',
  redis: 'tcp',
  amqp: 'tcp',
  kafka: 'tcp',
  smtp: 'tcp',
};

/** What a Service declares of its port. `appProtocol` is believed before the name; one that nobody knows means: look at the bytes. */
export function declaredProtocol(port: ServicePortRecord): Protocol {
  if (port.appProtocol !== undefined) return lookUp(port.appProtocol) ?? 'auto';
  return lookUp(port.name) ?? lookUp(port.name.split('-')[0] ?? '') ?? 'auto';
}

function lookUp(name: string): Protocol | undefined {
  const lower = name.toLowerCase();
  return Object.hasOwn(APP_PROTOCOLS, lower) ? APP_PROTOCOLS[lower] : undefined;
}

/** What several Services together declare: their common word, else look at the bytes. */
export function agreedProtocol(protocols: readonly Protocol[]): Protocol {
  const [first, ...others] = protocols;
  return first !== undefined && others.every((other) => other === first) ? first : 'auto';
}
