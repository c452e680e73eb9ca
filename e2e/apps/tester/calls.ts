import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { maskedFrame } from './websocket.ts';

/** One HTTP call on a connection of its own; the answer with raw headers and at most 64 KiB of text. */
export function fetchOnce(order: {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  timeoutMs?: number;
}): Promise<
  { status: number; headers: Record<string, unknown>; body: string; ms: number } | { error: string; ms: number }
> {
  const started = performance.now();
  const elapsed = (): number => Math.round(performance.now() - started);
  return new Promise((resolve) => {
    const call = request(
      order.url,
      { method: order.method ?? 'GET', headers: order.headers ?? {}, agent: false },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          if (text.length < 65_536) text += String(chunk);
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, ms: elapsed() }),
        );
        response.on('error', (error) => resolve({ error: error.message, ms: elapsed() }));
      },
    );
    call.on('error', (error) => resolve({ error: error.message, ms: elapsed() }));
    // Not `call.setTimeout`: that one starts only once the connection stands.
    const timer = setTimeout(() => call.destroy(new Error('client timeout')), order.timeoutMs ?? 60_000);
    call.on('close', () => clearTimeout(timer));
    call.end(order.body);
  });
}

/** Opens a TCP connection, sends (base64 in `sendBase64`, or text), half-closes if asked, collects until the end or `waitMs`. */
export function exchange(order: {
  host: string;
  port: number;
  send?: string;
  sendBase64?: string;
  end?: boolean;
  waitMs?: number;
  /** Send only after the first bytes came. */
  listenFirst?: boolean;
}): Promise<{ received: string; ended: boolean; error?: string; firstByteMs: number | undefined }> {
  return new Promise((resolve) => {
    const started = performance.now();
    const socket: Socket = connect({ host: order.host, port: order.port, allowHalfOpen: true });
    const chunks: Buffer[] = [];
    let firstByteMs: number | undefined;
    const bytes =
      order.sendBase64 === undefined ? Buffer.from(order.send ?? '') : Buffer.from(order.sendBase64, 'base64');
    const send = (): void => {
      if (bytes.length > 0) socket.write(bytes);
      if (order.end === true) socket.end();
    };
    const finish = (ended: boolean, error?: string): void => {
      clearTimeout(timer);
      socket.destroy();
      const received = Buffer.concat(chunks).toString('latin1');
      resolve({ received, ended, firstByteMs, ...(error === undefined ? {} : { error }) });
    };
    const timer = setTimeout(() => finish(false), order.waitMs ?? 3000);
    socket.on('connect', () => {
      if (order.listenFirst !== true) send();
    });
    socket.on('data', (chunk) => {
      if (firstByteMs === undefined) {
        firstByteMs = Math.round(performance.now() - started);
        if (order.listenFirst === true) send();
      }
      chunks.push(chunk as Buffer);
    });
    socket.on('end', () => finish(true));
    socket.on('error', (error) => finish(true, error.message));
  });
}

/** A WebSocket conversation: each message is echoed before the next goes out. */
export function webSocketEcho(url: string, messages: readonly string[]): Promise<{ status: number; echoed: string[] }> {
  return new Promise((resolve, reject) => {
    const call = request(url, {
      agent: false,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
      },
    });
    call.on('response', (response) => resolve({ status: response.statusCode ?? 0, echoed: [] }));
    call.on('error', reject);
    call.on('upgrade', (response, socket, head) => {
      const echoed: string[] = [];
      let pending = head;
      const next = (): void => {
        const message = messages[echoed.length];
        socket.write(message === undefined ? maskedFrame(8, Buffer.alloc(0)) : maskedFrame(1, Buffer.from(message)));
      };
      socket.on('data', (chunk: Buffer) => {
        pending = Buffer.concat([pending, chunk]);
        while (pending.length >= 2 && pending.length >= 2 + pending[1]!) {
          const payload = pending.subarray(2, 2 + pending[1]!);
          const opcode = pending[0]! & 0x0f;
          pending = pending.subarray(2 + payload.length);
          if (opcode === 8) {
            socket.destroy();
            resolve({ status: response.statusCode ?? 0, echoed });
            return;
          }
          echoed.push(payload.toString());
          next();
        }
      });
      socket.on('error', reject);
      next();
    });
    call.end();
  });
}

/** Sends or fetches `bytes` bytes and says what the other side counted. */
export function transfer(order: {
  url: string;
  direction: 'up' | 'down';
  bytes: number;
}): Promise<{ status: number; bytes: number; sha256: string; answer: string; ms: number }> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    let moved = 0;
    const up = order.direction === 'up';
    const call = request(
      order.url,
      { method: up ? 'POST' : 'GET', agent: false, headers: up ? { 'content-length': String(order.bytes) } : {} },
      (response) => {
        let answer = '';
        response.on('data', (chunk: Buffer) => {
          if (up) {
            if (answer.length < 1024) answer += String(chunk);
          } else {
            moved += chunk.length;
            hash.update(chunk);
          }
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            bytes: moved,
            sha256: hash.digest('hex'),
            answer,
            ms: Math.round(performance.now() - started),
          }),
        );
      },
    );
    call.on('error', reject);
    if (!up) {
      call.end();
      return;
    }
    const piece = randomBytes(65_536);
    const push = (): void => {
      while (moved < order.bytes) {
        const chunk = piece.subarray(0, Math.min(piece.length, order.bytes - moved));
        moved += chunk.length;
        hash.update(chunk);
        if (!call.write(chunk)) {
          call.once('drain', push);
          return;
        }
      }
      call.end();
    };
    push();
  });
}

/** Opens `count` connections, sends a request a few bytes at a time over `spreadMs`, and counts complete answers. */
export async function slowConnections(order: {
  host: string;
  port: number;
  path: string;
  count: number;
  spreadMs: number;
}): Promise<{ answered: number; failed: number; samples: string[] }> {
  const text = `GET ${order.path} HTTP/1.1\r\nHost: ${order.host}\r\nConnection: close\r\n\r\n`;
  const samples: string[] = [];
  const one = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host: order.host, port: order.port });
      let received = '';
      let sent = 0;
      const step = Math.max(1, Math.ceil(text.length / 10));
      const timer = setInterval(() => {
        socket.write(text.slice(sent, sent + step));
        sent += step;
        if (sent >= text.length) clearInterval(timer);
      }, order.spreadMs / 10);
      const finish = (error?: string): void => {
        clearInterval(timer);
        const ok = /^HTTP\/1\.1 200/.test(received);
        if (!ok && samples.length < 5) samples.push(error ?? received.slice(0, 80));
        resolve(ok);
      };
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
      });
      socket.on('error', (error) => finish(error.message));
      socket.on('end', () => finish());
    });
  const results = await Promise.all(Array.from({ length: order.count }, one));
  const answered = results.filter(Boolean).length;
  return { answered, failed: results.length - answered, samples };
}
