import { HeddleError } from '../base/errors.ts';
import type { Reason } from '../contract/reasons.ts';

/** The peer broke the protocol. The only error that the parsers throw. `status` is what a server answers with. */
export class ProtocolError extends HeddleError {
  readonly status: number;
  readonly reason: Reason;
  /** Fixed text without bytes of the peer, so it can stand in a response and a log. */
  readonly detail: string;

  constructor(status: number, reason: Reason, detail: string) {
    super(reason, detail);
    this.name = 'ProtocolError';
    this.status = status;
    this.reason = reason;
    this.detail = detail;
  }
}

export const malformed = (detail: string): ProtocolError => new ProtocolError(400, 'malformed_request', detail);
export const tooLarge = (status: 414 | 431, detail: string): ProtocolError =>
  new ProtocolError(status, 'head_too_large', detail);
export const unsupported = (status: 501 | 505, detail: string): ProtocolError =>
  new ProtocolError(status, 'unsupported', detail);
