import { formatSpiffeId, parseSpiffeId } from '../../proxy/contract/identity.ts';
import type { Hello } from '../../proxy/contract/stream.ts';
import { CONTRACT_VERSION } from '../../proxy/contract/version.ts';

/** Who a pod-bound token speaks for, as TokenReview says. */
export interface TokenIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly podName: string;
  readonly podUid: string;
}

/** As `operator/ca` answers. Throws where the API server cannot be asked. */
export type Authenticate = (
  token: string,
) => Promise<
  | { readonly ok: true; readonly pod: TokenIdentity }
  | { readonly ok: false; readonly reason: string; readonly message: string }
>;

/** Why a stream ends, as sent in `goaway`: stable names. */
export type GoawayReason =
  | 'hello_timeout'
  | 'malformed'
  | 'message_too_large'
  | 'token_invalid'
  | 'identity_mismatch'
  | 'contract_version'
  | 'superseded'
  | 'pod_gone'
  | 'overloaded'
  | 'flooding'
  | 'silent'
  | 'not_leader'
  | 'shutting_down'
  | 'internal';

export interface Refusal {
  readonly reason: GoawayReason;
  /** For the log: names both sides. */
  readonly message: string;
}

/** Contract versions that this operator can compile. */
export const LEAST_CONTRACT = 1;

/** What can be said before the token is checked. */
export function checkContract(hello: Hello): Refusal | undefined {
  if (hello.contract >= LEAST_CONTRACT && hello.contract <= CONTRACT_VERSION) return undefined;
  return {
    reason: 'contract_version',
    message: `the proxy speaks contract ${hello.contract}, this operator ${LEAST_CONTRACT} to ${CONTRACT_VERSION}: upgrade ${hello.contract > CONTRACT_VERSION ? 'the operator' : 'the proxy (restart its pod)'}`,
  };
}

/** The token, the TLS certificate (its chain and trust domain are verified already) and the claimed pod must all be one and the same. */
export function checkIdentity(hello: Hello, token: TokenIdentity, peerIdentity: string): Refusal | undefined {
  const peer = parseSpiffeId(peerIdentity);
  if (peer?.namespace !== token.namespace || peer.serviceAccount !== token.serviceAccount) {
    const expected = formatSpiffeId({ ...token, trustDomain: peer?.trustDomain ?? '?' });
    return mismatch(`the token speaks for ${expected}, the certificate for ${peerIdentity || 'nobody'}`);
  }
  const claimed = `${hello.pod.namespace}/${hello.pod.name} (${hello.pod.uid})`;
  const bound = `${token.namespace}/${token.podName} (${token.podUid})`;
  if (claimed !== bound) return mismatch(`the token is bound to pod ${bound}, the proxy claims to be ${claimed}`);
  return undefined;
}

/** The stream that a pod has now. */
export interface CurrentStream {
  readonly epoch: number;
  readonly instance: string | undefined;
  readonly reachable: boolean;
}

/**
 * Whether a new stream of a pod replaces the one it has. The highest epoch of one process wins; another process (another
 * `instance`, or epoch 1 where none is told) is a restarted sidecar and wins; a silent stream always loses.
 */
export function replaces(hello: Hello, current: CurrentStream): boolean {
  if (!current.reachable) return true;
  if (hello.instance !== undefined && current.instance !== undefined && hello.instance !== current.instance)
    return true;
  if (hello.instance === undefined && hello.epoch === 1) return true;
  return hello.epoch > current.epoch;
}

function mismatch(message: string): Refusal {
  return { reason: 'identity_mismatch', message };
}
