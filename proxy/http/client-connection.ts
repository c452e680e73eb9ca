import type { Transport } from '../base/transport.ts';
import type { Http1ClientConnection, Http1ClientOptions } from './http.ts';
import type { ClientExchange, RequestHead, ResponseReceiver } from './message.ts';

export class Http1Client implements Http1ClientConnection {
  readonly idle = false;
  readonly reusable = false;
  constructor(_transport: Transport, _options: Http1ClientOptions) {
    throw new Error('being written');
  }
  request(_head: RequestHead, _receiver: ResponseReceiver): ClientExchange {
    throw new Error('being written');
  }
  close(): void {}
}
