import { systemClock } from '../../../proxy/base/clock.ts';
import { HeddleError } from '../../../proxy/base/errors.ts';
import { headerValue, type RequestHead, type ResponseHead, type ResponseReceiver } from '../../../proxy/http/http.ts';
import { connectMesh, type MeshClient } from '../../../proxy/mesh/mesh.ts';
import type { Credentials } from '../../../proxy/tls/tls.ts';

export interface CallOrder {
  /** A pod's address and the application's port. */
  readonly address: string;
  readonly port: number;
  /** Whoever the certificate says; empty key and chain: none is sent. */
  readonly credentials: Credentials;
  /** Of the pod that is called. */
  readonly expectedIdentity: string;
  readonly path: string;
}

/** What the caller learned: why the connection was refused, or the answer. */
export type CallOutcome =
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string }
  | { readonly kind: 'answered'; readonly status: number; readonly reason: string | undefined }
  | { readonly kind: 'failed'; readonly reason: string; readonly message: string };

/** One GET as a mesh client, with credentials that may be anybody's. Never rejects. */
export async function callMesh(order: CallOrder): Promise<CallOutcome> {
  let client: MeshClient;
  try {
    client = await connectMesh({
      address: order.address,
      port: order.port,
      credentials: order.credentials,
      expectedIdentity: order.expectedIdentity,
      // Somebody else's: it is for telemetry only, so it must win nothing.
      self: { workload: 'order', namespace: 'e2e-impostors', pod: 'order-0' },
      connectTimeoutMs: 5_000,
      handshakeTimeoutMs: 5_000,
      clock: systemClock,
      idleCloseMs: 60_000,
    });
  } catch (error) {
    const reason = error instanceof HeddleError ? error.code : 'unknown';
    return { kind: 'refused', reason, message: error instanceof Error ? error.message : String(error) };
  }
  try {
    return await ask(client, order);
  } finally {
    client.close();
  }
}

function ask(client: MeshClient, { address, port, path }: CallOrder): Promise<CallOutcome> {
  return new Promise((resolve) => {
    let head: ResponseHead | undefined;
    const receiver: ResponseReceiver = {
      onInform() {},
      onResponse(response) {
        head = response;
      },
      onBody() {},
      onEnd: () =>
        resolve({
          kind: 'answered',
          status: head?.status ?? 0,
          reason: headerValue(head?.headers ?? [], 'x-heddle-reason'),
        }),
      onDrain() {},
      onFailure: ({ reason, detail }) => resolve({ kind: 'failed', reason, message: detail }),
    };
    client.open(requestFor(path), { destination: `${address}:${port}`, attempt: 1, deadlineMs: undefined }, receiver);
  });
}

function requestFor(path: string): RequestHead {
  return {
    method: 'GET',
    target: path,
    form: 'origin',
    path,
    authority: 'web',
    version: 11,
    headers: ['host', 'web'],
    spelling: 'lower',
    framing: 'none',
    contentLength: 0,
    upgrade: undefined,
    expectContinue: false,
  };
}
