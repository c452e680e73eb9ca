import { readFile } from 'node:fs/promises';
import type { Clock, Random } from '../base/clock.ts';
import { describeError, HeddleError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Cell, type Watch } from '../base/watch.ts';
import type { CertificateRequest, CertificateResponse } from '../contract/identity.ts';
import type { Credentials } from '../tls/credentials.ts';
import { makeCsr } from './csr.ts';
import { makeCredentials } from './issued.ts';
import { type KeptCredentials, readKept, writeKept } from './kept.ts';
import { makeKeyPair } from './keypair.ts';
import { createRenewal, type RenewalState } from './renewal.ts';
import type { StateFiles } from './state-files.ts';

/** Door of the room: who this proxy is, and whom it trusts. */
export { connectOperator, type OperatorTarget, splitTarget } from './operator-connection.ts';
export { type CertificateExchange, requestCertificate } from './request-certificate.ts';
export { createStateFiles, memoryStateFiles, type StateFiles } from './state-files.ts';
export { createTrustBundle, type TrustBundle } from './trust-bundle.ts';

export interface IdentityOptions {
  /** SPIFFE id of this workload. */
  readonly identity: string;
  readonly tokenFile: string;
  /** Wished life; absent: the authority's default. */
  readonly ttlSeconds?: number;
  /** PEM of the mounted bundle. */
  readonly roots: Watch<string | undefined>;
  readonly files: StateFiles;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The exchange with the operator; undefined: there is none, and what is kept on disk is all there will be. */
  readonly request: ((request: CertificateRequest, rootsPem: string) => Promise<CertificateResponse>) | undefined;
}

export interface Identity {
  /** Undefined before the first certificate, and after the held one expired. */
  readonly credentials: Watch<Credentials | undefined>;
  readonly renewal: RenewalState;
  /** Why the last request failed; undefined after a success. */
  readonly trouble: string | undefined;
  /** Reads what is kept, then asks; returns at once. */
  start(): void;
  renewNow(): void;
  /** Reads the kept file again (a proxy without a control plane, on SIGHUP). */
  reload(): void;
  stop(): void;
}

const MAX_TOKEN_BYTES = 16_384;

/** Keeps `credentials` valid: kept copy, first request, renewal, new roots. */
export function createIdentity(options: IdentityOptions): Identity {
  const { files, log, clock } = options;
  const credentials = new Cell<Credentials | undefined>(undefined);
  let issuedAt = 0;
  let trouble =
    options.request === undefined ? 'no operator is configured, and none is kept in the state directory' : undefined;

  const adopt = (value: KeptCredentials): void => {
    issuedAt = value.issuedAt;
    credentials.set(value.credentials);
    writeKept(files, value, log);
  };
  const issue = async (): Promise<KeptCredentials & { issuedAt: number; notAfter: number }> => {
    const issued = await requestOne(options);
    return { credentials: issued, issuedAt: clock.wall(), notAfter: issued.notAfter };
  };
  const renewal = createRenewal({
    clock,
    random: options.random,
    request: issue,
    onIssued(issued) {
      trouble = undefined;
      adopt(issued);
      log.info('certificate issued', { notAfter: new Date(issued.notAfter).toISOString() });
    },
    onExpired() {
      log.error('the certificate expired and could not be renewed: mesh connections stop until the operator answers');
      credentials.set(undefined);
    },
    onFailure(error, retryInMs) {
      trouble = describeError(error);
      log.warn('no certificate', { retryInMs: Math.round(retryInMs) }, error);
    },
  });

  /** The bundle changed while running: the same certificate under new roots. */
  const changeRoots = (rootsPem: string | undefined): void => {
    const held = credentials.value;
    if (rootsPem === undefined) return;
    if (held === undefined) {
      renewal.renewNow();
      return;
    }
    if (held.rootsPem === rootsPem) return;
    log.info('trust bundle changed');
    adopt({ credentials: { ...held, rootsPem }, issuedAt });
    // Peers that already follow the new bundle would refuse the old certificate.
    if (!chainsTo(held, rootsPem)) renewal.renewNow();
  };

  const load = (): KeptCredentials | undefined => {
    const kept = readKept(files, options.identity, clock.wall(), log);
    if (kept === undefined) return undefined;
    const rootsPem = options.roots.value ?? kept.credentials.rootsPem;
    issuedAt = kept.issuedAt;
    credentials.set({ ...kept.credentials, rootsPem });
    log.info('kept certificate in use', { notAfter: new Date(kept.credentials.notAfter).toISOString() });
    return kept;
  };

  let unsubscribe = (): void => {};
  return {
    credentials,
    get renewal() {
      return renewal.state;
    },
    get trouble() {
      return trouble;
    },
    start() {
      const kept = load();
      unsubscribe = options.roots.subscribe(changeRoots);
      if (options.request === undefined) return;
      renewal.start(kept === undefined ? undefined : { issuedAt: kept.issuedAt, notAfter: kept.credentials.notAfter });
      // The bundle changed while this proxy was away: peers would refuse the kept certificate until its renewal.
      const held = credentials.value;
      if (held !== undefined && !chainsTo(held, held.rootsPem)) renewal.renewNow();
    },
    renewNow: () => renewal.renewNow(),
    reload() {
      // With an operator the kept file is a copy of ours, and an older one where it could not be written.
      if (options.request === undefined) load();
    },
    stop() {
      unsubscribe();
      renewal.stop();
    },
  };
}

function chainsTo(held: Credentials, rootsPem: string): boolean {
  try {
    makeCredentials({ ...held, rootsPem });
    return true;
  } catch {
    return false;
  }
}

/** One whole request: new key, token read again (the kubelet rotates it), exchange, check of the answer. */
async function requestOne(options: IdentityOptions): Promise<Credentials> {
  if (options.request === undefined) throw new HeddleError('operator', 'no control plane is configured');
  const bundle = options.roots.value;
  if (bundle === undefined) {
    throw new HeddleError(
      'certificate',
      'the trust bundle is not mounted yet: the operator writes ConfigMap heddle-trust-bundle',
    );
  }
  const token = await readToken(options.tokenFile);
  const keys = await makeKeyPair();
  const csr = makeCsr(keys, options.identity);
  const ttl = options.ttlSeconds === undefined ? {} : { ttlSeconds: options.ttlSeconds };
  const response = await options.request({ csr, token, ...ttl }, bundle);
  // One that was mounted meanwhile is newer than the operator's word, and may have lost a root.
  const mounted = options.roots.value;
  const parts = {
    keyPem: keys.keyPem,
    chainPem: response.chain,
    rootsPem: mounted === undefined || mounted === bundle ? response.bundle : mounted,
    identity: options.identity,
  };
  const issued = makeCredentials(parts);
  if (issued.notAfter <= options.clock.wall()) {
    throw new HeddleError('certificate', 'the new certificate is already expired: do the clocks agree?', {
      where: { notAfter: new Date(issued.notAfter).toISOString() },
    });
  }
  return issued;
}

/** The projected token, read again before each use. Rejects with code `token`. */
export async function readToken(file: string): Promise<string> {
  const token = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new HeddleError('token', 'the projected token cannot be read', { where: { file }, cause });
  });
  const trimmed = token.trim();
  if (trimmed === '' || trimmed.length > MAX_TOKEN_BYTES) {
    throw new HeddleError('token', 'the projected token is empty or too large', { where: { file } });
  }
  return trimmed;
}
