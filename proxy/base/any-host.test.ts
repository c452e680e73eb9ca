import { EventEmitter } from 'node:events';
import { createServer, type Server } from 'node:net';
import { expect, test } from '@jest/globals';
import { anyHost } from './any-host.ts';

class FailingServer extends EventEmitter {
  readonly #code: string;
  constructor(code: string) {
    super();
    this.#code = code;
  }
  listen(): void {
    queueMicrotask(() => this.emit('error', Object.assign(new Error(this.#code), { code: this.#code })));
  }
}
const failing = (code: string) => new FailingServer(code) as unknown as Server;

test('a kernel without IPv6 is listened on all the same', async () => {
  expect(await anyHost(failing('EAFNOSUPPORT'))).toBe('0.0.0.0');
  await expect(anyHost(failing('EMFILE'))).rejects.toThrow('EMFILE');
});

test('what it tried with is closed again', async () => {
  const server = createServer();
  expect(['::', '0.0.0.0']).toContain(await anyHost(server));
  expect(server.listening).toBe(false);
});
