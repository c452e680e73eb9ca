/**
 * The calling application of this suite: `node client.ts '<JSON list of steps>'` carries the steps out one after the other and prints a JSON list of
 * results. A step that fails gives `{ error }`: refusals are results too.
 */
import { Agent, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';

export type Step =
  | {
      readonly kind: 'http';
      readonly address: string;
      readonly port: number;
      readonly path?: string;
      readonly method?: string;
      readonly headers?: Readonly<Record<string, string>>;
      /** Bytes of the request body. */
      readonly send?: number;
    }
  /** One HTTP/2 request with prior knowledge; the answer's `text` is the trailer `x-received`. */
  | { readonly kind: 'http2'; readonly address: string; readonly port: number; readonly send?: number }
  /** Sends `send`, ends after `endAfter` was read (default: at once), reads to the end. */
  | {
      readonly kind: 'tcp';
      readonly address: string;
      readonly port: number;
      readonly send?: string;
      readonly endAfter?: string;
    }
  /** `count` connections at once, each sending a request head a byte at a time over `ms`. */
  | {
      readonly kind: 'slow';
      readonly address: string;
      readonly port: number;
      readonly count: number;
      readonly ms: number;
    };

export interface HttpResult {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
  readonly body: string;
}
export type Result = Partial<HttpResult> & {
  readonly error?: string;
  readonly text?: string;
  readonly served?: number;
};

const TIMEOUT_MS = 30_000;
const PIECE = Buffer.alloc(65_536, 'y');
const agent = new Agent({ keepAlive: true });

function http(step: Extract<Step, { kind: 'http' }>): Promise<Result> {
  return new Promise((resolve) => {
    const outgoing = request(
      {
        host: step.address,
        port: step.port,
        path: step.path ?? '/',
        method: step.method ?? (step.send === undefined ? 'GET' : 'POST'),
        headers: { ...step.headers, ...(step.send === undefined ? {} : { 'content-length': String(step.send) }) },
        agent,
        timeout: TIMEOUT_MS,
      },
      (response) => {
        let bytes = 0;
        let body = '';
        response.on('data', (piece: Buffer) => {
          bytes += piece.length;
          if (body.length < 65_536) body += piece.toString();
        });
        response.on('error', (error) => resolve({ error: error.message }));
        response.on('end', () => {
          const headers = response.headers as Record<string, string>;
          resolve({ status: response.statusCode ?? 0, headers, bytes, body: body.slice(0, 65_536) });
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
    outgoing.on('error', (error: Error & { code?: string }) => resolve({ error: error.code ?? error.message }));
    sendBody(outgoing, step.send ?? 0);
  });
}

function http2(step: Extract<Step, { kind: 'http2' }>): Promise<Result> {
  const host = step.address.includes(':') ? `[${step.address}]` : step.address;
  const session = connectHttp2(`http://${host}:${step.port}`);
  return new Promise((resolve) => {
    session.on('error', (error: Error & { code?: string }) => resolve({ error: error.code ?? error.message }));
    // Said here because Node would leave the brackets of an IPv6 address out, which makes it no authority (RFC 3986 3.2.2).
    const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': `${host}:${step.port}` });
    const headers: Record<string, string> = {};
    let body = '';
    let text = '';
    stream.setTimeout(TIMEOUT_MS, () => session.destroy(new Error('timeout')));
    stream.on('response', (received) => {
      for (const [name, value] of Object.entries(received)) headers[name] = String(value);
    });
    stream.on('trailers', (trailers) => {
      text = String(trailers['x-received']);
    });
    stream.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    stream.on('error', (error: Error & { code?: string }) => resolve({ error: error.code ?? error.message }));
    stream.on('close', () => {
      session.close();
      resolve({ status: Number(headers[':status']), headers, body, text });
    });
    sendBody(stream, step.send ?? 0);
  });
}

function sendBody(to: NodeJS.WritableStream, bytes: number): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
      left -= piece.length;
      if (!to.write(piece)) {
        to.once('drain', more);
        return;
      }
    }
    to.end();
  };
  more();
}

function tcp(step: Extract<Step, { kind: 'tcp' }>): Promise<Result> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: step.address, port: step.port, allowHalfOpen: true, timeout: 5_000 });
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      if (step.endAfter !== undefined && text.endsWith(step.endAfter)) socket.end();
    });
    socket.on('end', () => {
      socket.end();
      resolve({ text });
    });
    socket.on('timeout', () => {
      resolve({ error: 'timeout', text });
      socket.destroy();
    });
    socket.on('error', (error: Error & { code?: string }) => resolve({ error: error.code ?? error.message, text }));
    if (step.send !== undefined) socket.write(Buffer.from(step.send, 'latin1'));
    if (step.send !== undefined && step.endAfter === undefined) socket.end();
  });
}

async function slow(step: Extract<Step, { kind: 'slow' }>): Promise<Result> {
  const head = 'GET /slow HTTP/1.1\r\nhost: slow\r\nconnection: close\r\n\r\n';
  const one = (): Promise<boolean> =>
    new Promise((resolve) => {
      let text = '';
      let sent = 0;
      const socket = connect({ host: step.address, port: step.port });
      const timer = setInterval(() => {
        if (sent < head.length) socket.write(head[sent++]!);
        else clearInterval(timer);
      }, step.ms / head.length);
      socket.on('data', (piece) => {
        text += piece.toString('latin1');
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        clearInterval(timer);
        resolve(text.startsWith('HTTP/1.1 200 '));
      });
    });
  const served = await Promise.all(Array.from({ length: step.count }, one));
  return { served: served.filter(Boolean).length };
}

async function main(): Promise<void> {
  const steps = JSON.parse(process.argv[2] ?? '[]') as readonly Step[];
  const results: Result[] = [];
  for (const step of steps) {
    if (step.kind === 'http') results.push(await http(step));
    else if (step.kind === 'http2') results.push(await http2(step));
    else if (step.kind === 'tcp') results.push(await tcp(step));
    else results.push(await slow(step));
  }
  process.stdout.write(JSON.stringify(results));
  agent.destroy();
  process.exit(0);
}

if (import.meta.main) await main();
