import { X509Certificate } from 'node:crypto';
import type { Watch } from '../base/watch.ts';
import { ADMIN } from '../contract/bootstrap.ts';
import type { Key } from '../contract/snapshot.ts';
import type { InForce } from '../control/control.ts';
import type { Credentials } from '../tls/credentials.ts';
import type { Readiness } from './readiness.ts';
import { startTextServer, type TextAnswer, type TextHandler, type TextServer } from './text-server.ts';

export interface AdminOptions {
  readonly port: number;
  readonly readiness: Readiness;
  readonly credentials: Watch<Credentials | undefined>;
  readonly control: {
    readonly state: string;
    readonly inForce: ReadonlyMap<Key, InForce>;
    readonly addressesVersion: string | undefined;
  };
  readonly drain: () => void;
}

/** The admin port, on localhost only. Never shows a private key or a token. */
export function startAdmin(options: AdminOptions): Promise<TextServer> {
  const routes: Readonly<Record<string, TextHandler>> = {
    [`GET ${ADMIN.configuration}`]: () => json(configuration(options)),
    [`GET ${ADMIN.certificates}`]: () => json(certificates(options.credentials.value)),
    [`GET ${ADMIN.ready}`]: () => ({
      status: options.readiness.ready ? 200 : 503,
      body: options.readiness.ready ? 'ready\n' : 'not ready\n',
    }),
    [`POST ${ADMIN.drain}`]: () => {
      options.drain();
      return { status: 200, body: 'draining\n' };
    },
  };
  return startTextServer({
    name: 'admin',
    host: '127.0.0.1',
    port: options.port,
    route: (method, path) => (Object.hasOwn(routes, `${method} ${path}`) ? routes[`${method} ${path}`] : undefined),
  });
}

function configuration({ control }: AdminOptions): unknown {
  return {
    control: control.state,
    addresses: control.addressesVersion ?? null,
    keys: Object.fromEntries(control.inForce),
  };
}

function certificates(credentials: Credentials | undefined): unknown {
  if (credentials === undefined) return { identity: null };
  const describe = (pem: string): unknown[] =>
    (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map((block) => {
      const { subject, subjectAltName, issuer, serialNumber, validFrom, validTo, fingerprint256 } = new X509Certificate(
        block,
      );
      return { subject, subjectAltName, issuer, serialNumber, validFrom, validTo, fingerprint256 };
    });
  return {
    identity: credentials.identity,
    notBefore: new Date(credentials.notBefore).toISOString(),
    notAfter: new Date(credentials.notAfter).toISOString(),
    chain: describe(credentials.chainPem),
    roots: describe(credentials.rootsPem),
  };
}

function json(value: unknown): TextAnswer {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` };
}
