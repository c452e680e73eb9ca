import type { KubeClient } from './client.ts';
import type { KubeObject, Resource } from './resource.ts';

export interface ApplyOptions {
  readonly client: KubeClient;
  readonly resource: Resource;
  /** One field manager a controller: `heddle-trust`. */
  readonly manager: string;
  readonly subresource?: 'status';
}

export type Applied = 'unchanged' | 'written';

/**
 * Server-side apply of all fields this controller owns. `live` is what an informer or a read just showed; when every
 * wanted member is there already, nothing is written. Without `live` it is read first only if asked by passing
 * `undefined`: then the write always happens, and the API server itself leaves an equal object alone.
 */
export async function applyObject<T extends KubeObject>(
  options: ApplyOptions,
  wanted: T,
  live: KubeObject | undefined,
): Promise<Applied> {
  if (live !== undefined && covers(live, wanted)) return 'unchanged';
  const write = options.subresource === undefined ? {} : { subresource: options.subresource };
  await options.client.apply(options.resource, wanted, options.manager, write);
  return 'written';
}

/**
 * True when every member of `wanted` stands in `live` with the same value. Lists must agree in length and order;
 * objects in `live` may hold more (defaults, fields of others).
 */
export function covers(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(live) && live.length === wanted.length && wanted.every((item, index) => covers(live[index], item))
    );
  }
  if (typeof wanted !== 'object' || wanted === null) return Object.is(live, wanted);
  if (typeof live !== 'object' || live === null || Array.isArray(live)) return false;
  const members = live as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([name, value]) => value === undefined || covers(members[name], value));
}
