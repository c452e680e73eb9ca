import { isToken } from './grammar.ts';
import type { RequestHead } from './message.ts';

/** What decides whether a request asks for an upgrade that this proxy passes on. */
export interface UpgradeRequest {
  readonly version: number;
  readonly hasBody: boolean;
  readonly connectionUpgrade: boolean;
  readonly upgrade: string | undefined;
}

/**
 * The one protocol that a request asks to switch to, in lower case, or undefined when the request goes on as an ordinary one
 * (RFC 9110, 7.8: whoever does not want an upgrade ignores it). Ignored are:
 * - `h2c`: its tunnel would carry requests past every policy, and RFC 9113 has removed it;
 * - several protocols at once: the answer could not be checked against one;
 * - a request with a body: the switch would fall into the middle of it.
 */
export function upgradeOf(request: UpgradeRequest): string | undefined {
  if (request.upgrade === undefined || !request.connectionUpgrade || request.version !== 11 || request.hasBody) {
    return undefined;
  }
  const protocol = request.upgrade.toLowerCase();
  const slash = protocol.indexOf('/');
  const name = slash === -1 ? protocol : protocol.slice(0, slash);
  if (!isToken(name) || (slash !== -1 && !isToken(protocol.slice(slash + 1)))) return undefined;
  return name === 'h2c' ? undefined : protocol;
}

/** The response may turn the connection into raw bytes both ways. */
export function mayTunnel(head: RequestHead): boolean {
  return head.upgrade !== undefined || head.method === 'CONNECT';
}

/** This status, as the answer to this request, does so. */
export function isTunnelStart(head: RequestHead, status: number): boolean {
  if (status === 101) return head.upgrade !== undefined;
  return head.method === 'CONNECT' && status >= 200 && status < 300;
}
