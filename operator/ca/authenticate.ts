import { TOKEN_AUDIENCE } from '../../proxy/contract/bootstrap.ts';
import { apiVersionOf, type KubeClient, type KubeObject, RESOURCES } from '../kube/kube.ts';

/** Whom a pod-bound token speaks for. */
export interface PodIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly podName: string;
  readonly podUid: string;
}

export type Authenticated =
  | { readonly ok: true; readonly pod: PodIdentity }
  | { readonly ok: false; readonly reason: 'TokenInvalid' | 'TokenNotPodBound'; readonly message: string };

/** Throws when the API server cannot be asked; a refusal is a value. */
export type Authenticate = (token: string) => Promise<Authenticated>;

/** Projected tokens are 1–2 KB. */
const MAX_TOKEN_LENGTH = 16 * 1024;
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Extra fields that the API server adds for a token bound to a pod. Source: Kubernetes, "Managing Service Accounts". */
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const POD_UID = 'authentication.kubernetes.io/pod-uid';
const USER = /^system:serviceaccount:([a-z0-9-]{1,63}):([a-z0-9.-]{1,253})$/;

interface TokenReview extends KubeObject {
  readonly spec: { readonly token: string; readonly audiences: readonly string[] };
  readonly status?: {
    readonly authenticated?: boolean;
    readonly audiences?: readonly string[];
    readonly error?: string;
    readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  };
}

/**
 * Asks the API server (TokenReview) for exactly our audience. Nothing is remembered: a token of a deleted pod is
 * refused at once, and no secret stays in memory.
 */
export function createAuthenticate(client: KubeClient): Authenticate {
  return async (token) => {
    if (token.length > MAX_TOKEN_LENGTH || !JWT.test(token)) return refuse('TokenInvalid', 'it is no JSON web token');
    const review: TokenReview = {
      apiVersion: apiVersionOf(RESOURCES.tokenReviews),
      kind: RESOURCES.tokenReviews.kind,
      metadata: { name: '' },
      spec: { token, audiences: [TOKEN_AUDIENCE] },
    };
    return readReview(await client.create<TokenReview>(RESOURCES.tokenReviews, review));
  };
}

/** Pure: the answer of a TokenReview to an identity or a refusal. */
export function readReview(review: Pick<TokenReview, 'status'>): Authenticated {
  const { status } = review;
  if (status?.authenticated !== true)
    return refuse('TokenInvalid', status?.error || 'the API server does not accept it');
  if (!status.audiences?.includes(TOKEN_AUDIENCE))
    return refuse('TokenInvalid', `it is not meant for the audience ${TOKEN_AUDIENCE}`);
  const user = USER.exec(status.user?.username ?? '');
  if (user === null) return refuse('TokenInvalid', 'it is not of a service account');
  const podName = onlyValue(status.user?.extra?.[POD_NAME]);
  const podUid = onlyValue(status.user?.extra?.[POD_UID]);
  if (podName === undefined || podUid === undefined) {
    return refuse('TokenNotPodBound', 'it is not bound to a pod; use a projected service account token');
  }
  const [, namespace = '', serviceAccount = ''] = user;
  return { ok: true, pod: { namespace, serviceAccount, podName, podUid } };
}

function onlyValue(values: readonly string[] | undefined): string | undefined {
  return values?.length === 1 && values[0] !== '' ? values[0] : undefined;
}

function refuse(reason: 'TokenInvalid' | 'TokenNotPodBound', why: string): Authenticated {
  return { ok: false, reason, message: `the token is refused: ${why.slice(0, 300)}` };
}
