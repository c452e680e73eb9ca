import { readFile } from 'node:fs/promises';
import { systemClock } from '../../../proxy/base/clock.ts';
import { CONTROL_PORT, OPERATOR_SERVICE_ACCOUNT, PATHS, SYSTEM_NAMESPACE } from '../../../proxy/contract/bootstrap.ts';
import { formatSpiffeId, parseSpiffeId } from '../../../proxy/contract/identity.ts';
import { makeCsr } from '../../../proxy/identity/csr.ts';
import { requestCertificate } from '../../../proxy/identity/identity.ts';
import { makeCredentials } from '../../../proxy/identity/issued.ts';
import { makeKeyPair } from '../../../proxy/identity/keypair.ts';
import type { Credentials } from '../../../proxy/tls/tls.ts';

export interface CertificateOrder {
  /** SPIFFE id to ask for; the authority grants only that of the pod's token. */
  readonly identity: string;
  /** Default: the authority's. */
  readonly ttlSeconds?: number;
}

const TARGET = `${OPERATOR_SERVICE_ACCOUNT}.${SYSTEM_NAMESPACE}.svc:${CONTROL_PORT}`;

/** A certificate from the real authority for this pod's projected token, as a proxy would get it. Rejects with the operator's refusal. */
export async function askForCertificate({ identity, ttlSeconds }: CertificateOrder): Promise<Credentials> {
  const trustDomain = parseSpiffeId(identity)?.trustDomain;
  if (trustDomain === undefined) throw new Error(`${identity} is not a SPIFFE id of a workload`);
  const [token, rootsPem] = await Promise.all([readFile(PATHS.token, 'utf8'), readFile(PATHS.trustBundle, 'utf8')]);
  const keys = await makeKeyPair();
  const wish = ttlSeconds === undefined ? {} : { ttlSeconds };
  const operatorIdentity = formatSpiffeId({
    trustDomain,
    namespace: SYSTEM_NAMESPACE,
    serviceAccount: OPERATOR_SERVICE_ACCOUNT,
  });
  const issued = await requestCertificate(
    { csr: makeCsr(keys, identity), token: token.trim(), ...wish },
    { target: TARGET, rootsPem, operatorIdentity, clock: systemClock },
  );
  return makeCredentials({ keyPem: keys.keyPem, chainPem: issued.chain, rootsPem: issued.bundle, identity });
}
