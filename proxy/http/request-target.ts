import { isHost, isTarget } from './grammar.ts';
import type { RequestHead } from './message.ts';
import { malformed } from './protocol-error.ts';

/** A request target taken apart (RFC 9112, 3.2). `authority` is undefined where the target has none. */
export interface Target {
  readonly form: RequestHead['form'];
  readonly path: string;
  readonly authority: string | undefined;
}

const ASTERISK: Target = { form: 'asterisk', path: '*', authority: undefined };
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;

export function parseTarget(method: string, target: string): Target {
  if (!isTarget(target)) throw malformed('the request target holds a character that no target may hold');
  if (method === 'CONNECT') return authorityForm(target);
  if (target.charCodeAt(0) === 47) return { form: 'origin', path: target, authority: undefined };
  if (target === '*') {
    if (method === 'OPTIONS') return ASTERISK;
    throw malformed('the target * belongs to OPTIONS only');
  }
  return absoluteForm(method, target);
}

/** RFC 9112, 3.2.3: host and port, nothing else. */
function authorityForm(target: string): Target {
  const port = /:([0-9]{1,5})$/.exec(target)?.[1];
  if (!isHost(target) || target.startsWith(':') || port === undefined || Number(port) === 0) {
    throw malformed('the target of CONNECT is not host:port');
  }
  return { form: 'authority', path: '', authority: target };
}

/** RFC 9112, 3.2.2. Any scheme: the application may speak to a forward proxy, to which the target goes on byte for byte. */
function absoluteForm(method: string, target: string): Target {
  const scheme = SCHEME.exec(target)?.[0];
  if (scheme === undefined) throw malformed('the request target has none of the four forms');
  const rest = target.slice(scheme.length);
  const end = rest.search(/[/?]/);
  const authority = end === -1 ? rest : rest.slice(0, end);
  // RFC 9110, 4.2.1 and 4.2.4: an empty host, or user information, is an error.
  if (!isHost(authority) || authority === '' || authority.startsWith(':')) {
    throw malformed('the authority of the request target is not valid');
  }
  return { form: 'absolute', path: absolutePath(method, end === -1 ? '' : rest.slice(end)), authority };
}

function absolutePath(method: string, path: string): string {
  // RFC 9112, 3.2.4: OPTIONS for an absolute target without path and query means `*`.
  if (path === '') return method === 'OPTIONS' ? '*' : '/';
  return path.startsWith('?') ? `/${path}` : path;
}
