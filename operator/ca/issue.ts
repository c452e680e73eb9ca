import type { Clock } from '../../proxy/base/clock.ts';
import { describeError } from '../../proxy/base/errors.ts';
import type { Log } from '../../proxy/base/log.ts';
import {
  type CertificateRefusal,
  type CertificateRequest,
  type CertificateResponse,
  formatSpiffeId,
} from '../../proxy/contract/identity.ts';
import type { Authenticate } from './authenticate.ts';
import { checkCsr } from './check-csr.ts';
import type { AuthorityState } from './keep.ts';

/** HTTP status and JSON body of one answer. */
export type IssueAnswer =
  | { readonly status: 200; readonly body: CertificateResponse }
  | { readonly status: 400 | 401 | 403 | 429 | 503; readonly body: CertificateRefusal };

export interface IssueOptions {
  readonly authenticate: Authenticate;
  readonly authority: () => AuthorityState;
  readonly isLeader: () => boolean;
  readonly trustDomain: () => string;
  /** Longest life of a leaf in milliseconds, as configured. */
  readonly leafMs: () => number;
  readonly clock: Clock;
  readonly log: Log;
  /** Hears `Issued` or the reason of each refusal: for metrics. */
  readonly onAnswer?: (reason: string) => void;
}

/** Turns the parsed body of a request into its answer. Never throws. */
export type Issue = (body: unknown) => Promise<IssueAnswer>;

/** A leaf shorter than this would be renewed more often than it is used. */
export const LEAST_LEAF_MS = 10_000;
/** Requests worked on side by side; each holds one TokenReview (a call of some ms). Beyond: 429, the proxy tries again with backoff. */
const CONCURRENCY = 64;

export function createIssue(options: IssueOptions): Issue {
  let running = 0;
  const answer = async (body: unknown): Promise<IssueAnswer> => {
    if (running >= CONCURRENCY)
      return refusal(429, 'Overloaded', `${CONCURRENCY} requests are being worked on; try again`);
    running++;
    try {
      return await issue(options, body);
    } catch (error) {
      options.log.warn('a certificate request failed', {}, error);
      return refusal(
        503,
        'TokenReviewFailed',
        `the API server could not be asked about the token: ${describeError(error)}`,
      );
    } finally {
      running--;
    }
  };
  return async (body) => {
    const answered = await answer(body);
    const reason = 'reason' in answered.body ? answered.body.reason : 'Issued';
    options.onAnswer?.(reason);
    if (answered.status !== 200) options.log.info('certificate refused', { reason, what: answered.body.message });
    return answered;
  };
}

async function issue(options: IssueOptions, body: unknown): Promise<IssueAnswer> {
  const { clock } = options;
  if (!options.isLeader()) return refusal(503, 'NotLeader', 'this replica does not sign; connect again');
  const authority = options.authority();
  if (authority.kind === 'starting') return refusal(503, 'Starting', 'the authority is not ready yet; try again');
  if (authority.kind === 'stopped') return refusal(503, authority.reason, authority.message);

  // A root from an old backup: what it signs would be refused by everybody.
  if (authority.slots.current.issuer.notAfter - clock.wall() < LEAST_LEAF_MS) {
    return refusal(
      503,
      'IssuerExpired',
      `the issuer ended ${new Date(authority.slots.current.issuer.notAfter).toISOString()}`,
    );
  }

  const request = readRequest(body);
  if (typeof request === 'string') return refusal(400, 'MalformedRequest', request);
  const who = await options.authenticate(request.token);
  if (!who.ok) return refusal(401, who.reason, who.message);

  const spiffeId = formatSpiffeId({ trustDomain: options.trustDomain(), ...who.pod });
  const csr = await checkCsr(request.csr, spiffeId);
  if (!csr.ok) return refusal(csr.reason === 'IdentityMismatch' ? 403 : 400, csr.reason, csr.message);
  // Asked again: the answers above took a while.
  if (!options.isLeader()) return refusal(503, 'NotLeader', 'this replica does not sign any more; connect again');

  const lifeMs = leafLife(request.ttlSeconds, options.leafMs());
  const subject = { spiffeId, publicKey: csr.publicKey, usages: 'client-and-server' } as const;
  const leaf = await authority.signer.sign(subject, clock.wall(), lifeMs);
  options.log.debug('certificate issued', {
    identity: spiffeId,
    pod: who.pod.podName,
    until: new Date(leaf.notAfter).toISOString(),
  });
  return {
    status: 200,
    body: { chain: leaf.chain, bundle: authority.bundle, notAfter: new Date(leaf.notAfter).toISOString() },
  };
}

/** The wish, but never longer than configured and never below the least. */
export function leafLife(wishedSeconds: number | undefined, configuredMs: number): number {
  const wished = wishedSeconds === undefined ? configuredMs : wishedSeconds * 1000;
  return Math.max(LEAST_LEAF_MS, Math.min(wished, configuredMs));
}

/** The request, or a sentence that names the member that is wrong. */
function readRequest(body: unknown): CertificateRequest | string {
  if (typeof body !== 'object' || body === null) return 'the body must be a JSON object';
  const { csr, token, ttlSeconds } = body as Readonly<Record<string, unknown>>;
  if (typeof csr !== 'string') return 'csr must be a string';
  if (typeof token !== 'string') return 'token must be a string';
  if (ttlSeconds === undefined) return { csr, token };
  if (typeof ttlSeconds !== 'number' || !Number.isInteger(ttlSeconds) || ttlSeconds <= 0) {
    return 'ttlSeconds must be a whole number above 0';
  }
  return { csr, token, ttlSeconds };
}

export function refusal(status: 400 | 401 | 403 | 429 | 503, reason: string, message: string): IssueAnswer {
  return { status, body: { reason, message } };
}
