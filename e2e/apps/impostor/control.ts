import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describeError } from '../../../proxy/base/errors.ts';
import { type CallOrder, callMesh } from './call.ts';
import { askForCertificate, type CertificateOrder } from './certificate.ts';
import { Listener, type ListenOrder } from './listener.ts';

let listener: Listener | undefined;

/** What the suites can ask of this pod, by path; each takes and gives JSON. */
const VERBS: Readonly<Record<string, (body: unknown) => Promise<unknown> | unknown>> = {
  /** Credentials of this pod's own service account, from the real authority. */
  '/certificate': (body) => askForCertificate(body as CertificateOrder),
  '/call': (body) => callMesh(body as CallOrder),
  /** Ends what listened before, with its connections, and forgets what that heard. */
  '/listen': async (body) => {
    await listener?.close();
    listener = await Listener.open(body as ListenOrder);
    return { ok: true };
  },
  '/heard': () => {
    if (listener === undefined) throw new Error('nothing listens: ask for `listen` first');
    return listener.heard();
  },
};

export function startControl(port: number): void {
  createServer((request, response) => void serve(request, response)).listen(port, '::');
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let status = 200;
  let body: unknown;
  try {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const verb = VERBS[request.url ?? ''];
    if (verb === undefined) throw new Error(`no verb ${request.url}`);
    body = await verb(text === '' ? {} : JSON.parse(text));
  } catch (error) {
    status = 500;
    body = { error: describeError(error) };
  }
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
