import type { Clock, Timer } from '../../proxy/base/clock.ts';
import type { Log } from '../../proxy/base/log.ts';
import { Cell, type Watch } from '../../proxy/base/watch.ts';
import type { LeafSubject } from './authority.ts';
import { generateKeys, keyToPem } from './certificate.ts';
import type { AuthorityState } from './keep.ts';

/** What a TLS server needs; all PEM. Times are epoch milliseconds. */
export interface ServingCertificate {
  readonly keyPem: string;
  readonly chainPem: string;
  readonly bundlePem: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface ServingOptions {
  readonly authority: Watch<AuthorityState>;
  /** Names; undefined = not known yet (the trust domain is not). */
  readonly names: () => Omit<LeafSubject, 'publicKey' | 'usages'> | undefined;
  readonly lifeMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Serving {
  /** Undefined until the authority is ready. */
  readonly certificate: Watch<ServingCertificate | undefined>;
  start(): void;
  /** Issues again: a name changed. */
  refresh(): void;
  stop(): void;
}

/** Renewed at half of its life, and at once when the authority changes (a new root signs, or the bundle grew). */
const RENEW_AT = 0.5;
const RETRY_MS = 5_000;

/** The operator's own certificate, issued by itself, in memory only. Both replicas hold one: the standby must be able to say NotLeader. */
export function createServing(options: ServingOptions): Serving {
  const { authority, clock, log } = options;
  const certificate = new Cell<ServingCertificate | undefined>(undefined);
  let timer: Timer | undefined;
  let unsubscribe = (): void => {};

  const renew = async (): Promise<void> => {
    timer?.clear();
    const names = options.names();
    if (authority.value.kind !== 'ready' || names === undefined) return;
    try {
      const made = await issueServing(
        authority.value,
        { ...names, usages: 'client-and-server' },
        clock.wall(),
        options.lifeMs,
      );
      certificate.set(made);
      timer = clock.after((made.notAfter - clock.wall()) * RENEW_AT, () => void renew());
    } catch (error) {
      log.error('the own serving certificate could not be made, trying again', {}, error);
      timer = clock.after(RETRY_MS, () => void renew());
    }
  };

  return {
    certificate,
    start() {
      unsubscribe = authority.subscribe(() => void renew());
      void renew();
    },
    refresh: () => void renew(),
    stop() {
      timer?.clear();
      unsubscribe();
    },
  };
}

/** A fresh key and its certificate for a server of ours. */
export async function issueServing(
  authority: AuthorityState & { kind: 'ready' },
  names: Omit<LeafSubject, 'publicKey'>,
  now: number,
  lifeMs: number,
): Promise<ServingCertificate> {
  const keys = await generateKeys();
  const publicKey = Buffer.from(await crypto.subtle.exportKey('spki', keys.publicKey));
  const leaf = await authority.signer.sign({ ...names, publicKey }, now, lifeMs);
  return {
    keyPem: await keyToPem(keys.privateKey),
    chainPem: leaf.chain,
    bundlePem: authority.bundle,
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
  };
}
