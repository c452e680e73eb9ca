import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Credentials, startServerTls } from '../../../proxy/tls/tls.ts';
import { acceptance, readFrames } from './frames.ts';

export interface ListenOrder {
  readonly port: number;
  /** Absent: no TLS at all; whatever comes is answered like an application without a sidecar would. */
  readonly credentials?: Credentials;
}

/** What came in on all connections since `listen`. */
export interface Heard {
  readonly connections: number;
  /** TLS handshakes that were finished. */
  readonly handshakes: number;
  /** Bytes on connections that did not start with a TLS record (0x16), and all bytes where nothing speaks TLS. */
  readonly plainBytes: number;
  /** Names of the frames on each connection that had a handshake, in their order. */
  readonly frames: readonly (readonly string[])[];
  /** Payload of DATA, HEADERS and CONTINUATION, and bytes inside of TLS that are no frames. */
  readonly requestBytes: number;
  readonly goaways: readonly string[];
  /** Everything that could be read, plain or decrypted, as latin1. */
  readonly text: string;
}

/** More is not kept of one connection. */
const MOST_KEPT = 262_144;
const TLS_HANDSHAKE = 22;
const PLAIN_ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';

interface Connection {
  readonly socket: Socket;
  plain: Buffer;
  decrypted: Buffer;
  handshake: boolean;
}

/**
 * A mesh server that asks nobody for anything: it says "accepted" to whoever comes as soon as TLS stands, so that a client that does not
 * look at certificates sends its request. It answers none: with the first byte of one it closes.
 */
export class Listener {
  readonly #connections: Connection[] = [];
  readonly #credentials: Credentials | undefined;
  readonly #server: Server;

  private constructor(credentials: Credentials | undefined) {
    this.#credentials = credentials;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static open({ port, credentials }: ListenOrder): Promise<Listener> {
    const listener = new Listener(credentials);
    return new Promise((resolve, reject) => {
      listener.#server.on('error', reject);
      listener.#server.listen(port, '::', () => resolve(listener));
    });
  }

  heard(): Heard {
    const secured = this.#connections.filter((connection) => connection.handshake);
    const read = secured.map((connection) => readFrames(connection.decrypted));
    const text = this.#connections.map(
      ({ plain, decrypted }) => plain.toString('latin1') + decrypted.toString('latin1'),
    );
    return {
      connections: this.#connections.length,
      handshakes: secured.length,
      plainBytes: this.#connections.reduce((sum, { plain }) => sum + plain.length, 0),
      frames: read.map((frames) => frames.names),
      requestBytes: read.reduce((sum, frames) => sum + frames.requestBytes + frames.strayBytes, 0),
      goaways: read.flatMap((frames) => frames.goaways),
      text: text.join('\n'),
    };
  }

  close(): Promise<void> {
    for (const { socket } of this.#connections) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    const connection: Connection = {
      socket,
      plain: Buffer.alloc(0),
      decrypted: Buffer.alloc(0),
      handshake: false,
    };
    this.#connections.push(connection);
    socket.on('error', () => {});
    const credentials = this.#credentials;
    socket.once('data', (first: Buffer) => {
      if (credentials !== undefined && first[0] === TLS_HANDSHAKE) {
        socket.pause();
        this.#secure(startServerTls(socket, first, credentials), connection);
      } else this.#answerInPlain(socket, first, connection);
    });
  }

  #answerInPlain(socket: Socket, first: Buffer, connection: Connection): void {
    connection.plain = first;
    socket.on('data', (chunk: Buffer) => {
      connection.plain = keep(connection.plain, chunk);
    });
    socket.write(PLAIN_ANSWER);
  }

  #secure(tls: TLSSocket, connection: Connection): void {
    tls.on('error', () => {});
    tls.on('secure', () => {
      connection.handshake = true;
      tls.write(acceptance());
    });
    tls.on('data', (chunk: Buffer) => {
      connection.decrypted = keep(connection.decrypted, chunk);
      if (readFrames(connection.decrypted).requestBytes > 0) tls.destroy();
    });
  }
}

function keep(held: Buffer, chunk: Buffer): Buffer {
  return held.length >= MOST_KEPT ? held : Buffer.concat([held, chunk]);
}
