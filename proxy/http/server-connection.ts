import type { Transport } from '../base/transport.ts';
import type { Http1ServerConnection, Http1ServerOptions } from './http.ts';

export class Http1Server implements Http1ServerConnection {
  readonly busy = false;
  constructor(_transport: Transport, _options: Http1ServerOptions) {
    throw new Error('being written');
  }
  drain(): void {}
  close(): void {}
}
