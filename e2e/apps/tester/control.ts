import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { exchange, fetchOnce, slowConnections, transfer, webSocketEcho } from './calls.ts';
import { callGrpc, type GrpcOrder } from './grpc.ts';
import { Load, type LoadOrder } from './load.ts';

const loads = new Map<string, Load>();
let nextLoad = 1;

type Json = Record<string, unknown>;

/** What the suites can ask of this pod, by path; each takes and gives JSON. */
const VERBS: Readonly<Record<string, (body: Json) => Promise<unknown> | unknown>> = {
  '/load': async (body) => {
    const load = new Load(body as unknown as LoadOrder);
    await load.finished;
    return load.summarize();
  },
  '/load/start': (body) => {
    const id = String(nextLoad++);
    loads.set(id, new Load(body as unknown as LoadOrder));
    return { id };
  },
  '/load/look': (body) => requireLoad(body).summarize(momentOf(body)),
  '/load/stop': async (body) => {
    const load = requireLoad(body);
    load.stop();
    await load.finished;
    loads.delete(String(body['id']));
    return load.summarize(momentOf(body));
  },
  '/fetch': (body) => fetchOnce(body as unknown as Parameters<typeof fetchOnce>[0]),
  '/tcp': (body) => exchange(body as unknown as Parameters<typeof exchange>[0]),
  '/websocket': (body) => webSocketEcho(String(body['url']), body['messages'] as string[]),
  '/transfer': (body) => transfer(body as unknown as Parameters<typeof transfer>[0]),
  '/slow-connections': (body) => slowConnections(body as unknown as Parameters<typeof slowConnections>[0]),
  '/grpc': (body) => callGrpc(body as unknown as GrpcOrder),
  '/healthz': () => ({ ok: true }),
};

/** `after`, in milliseconds of this machine's monotonic clock. */
function momentOf(body: Json): number | undefined {
  const after = body['after'];
  return typeof after === 'number' ? after : undefined;
}

function requireLoad(body: Json): Load {
  const load = loads.get(String(body['id']));
  if (load === undefined) throw new Error(`no load ${String(body['id'])}`);
  return load;
}

export function startControl(port: number): void {
  const server = createServer((request, response) => void serve(request, response));
  server.requestTimeout = 0;
  server.listen(port, '::');
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let status = 200;
  let body: unknown;
  try {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const verb = VERBS[request.url ?? ''];
    if (verb === undefined) throw new Error(`no verb ${request.url}`);
    body = await verb(text === '' ? {} : (JSON.parse(text) as Json));
  } catch (error) {
    status = 500;
    body = { error: error instanceof Error ? error.message : String(error) };
  }
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
