import { HeddleError } from '../../proxy/base/errors.ts';
import { KubeError } from './kube-error.ts';
import type { KubeObject } from './resource.ts';

/** What one line of a watch says. Source: Kubernetes API concepts, "Efficient detection of changes". */
export type WatchEvent =
  | { readonly kind: 'present'; readonly object: KubeObject; readonly resourceVersion: string }
  | { readonly kind: 'deleted'; readonly object: KubeObject; readonly resourceVersion: string }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string };

/** Reads one line. An ERROR event becomes a thrown `KubeError` with its status (410 = list again). */
export function readWatchEvent(line: string): WatchEvent {
  const { type, object } = parseEnvelope(line);
  if (type === 'ERROR') throw errorOf(object);
  const resourceVersion = object.metadata?.resourceVersion;
  if (resourceVersion === undefined) throw malformed('an event without a resourceVersion', line);
  if (type === 'BOOKMARK') return { kind: 'bookmark', resourceVersion };
  if (object.metadata?.name === undefined) throw malformed('an event without a name', line);
  if (type === 'ADDED' || type === 'MODIFIED')
    return { kind: 'present', object: object as KubeObject, resourceVersion };
  if (type === 'DELETED') return { kind: 'deleted', object: object as KubeObject, resourceVersion };
  throw malformed(`an event of unknown type ${JSON.stringify(type)}`, line);
}

interface Envelope {
  readonly type: string;
  readonly object: {
    readonly metadata?: Partial<KubeObject['metadata']>;
    readonly code?: number;
    readonly reason?: string;
    readonly message?: string;
  };
}

function parseEnvelope(line: string): Envelope {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (cause) {
    throw malformed('a line that is not JSON', line, cause);
  }
  if (typeof parsed !== 'object' || parsed === null || !('type' in parsed) || !('object' in parsed)) {
    throw malformed('a line that is no event', line);
  }
  const { type, object } = parsed;
  if (typeof type !== 'string' || typeof object !== 'object' || object === null)
    throw malformed('a line that is no event', line);
  return { type, object };
}

function errorOf(status: Envelope['object']): KubeError {
  return new KubeError(status.message ?? 'the watch ended with an error', {
    status: status.code ?? 0,
    reason: status.reason ?? '',
  });
}

function malformed(what: string, line: string, cause?: unknown): HeddleError {
  return new HeddleError('kubernetes', `the watch sent ${what}`, { where: { line: line.slice(0, 80) }, cause });
}
