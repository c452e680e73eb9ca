import type { Configuration, ServiceConfiguration } from '../contract/snapshot.ts';

/**
 * A Service as text. Proxies hold thousands of Services that their application never calls: as one string they take half of what objects take, and
 * the collector walks over none of them.
 */
export interface PackedService {
  readonly kind: 'packed';
  readonly text: string;
}

/** For a content that was decoded and checked: nothing checks it again when it is unpacked. */
export function pack(content: ServiceConfiguration): PackedService {
  return { kind: 'packed', text: JSON.stringify(content) };
}

export function unpack(packed: PackedService): ServiceConfiguration;
export function unpack(content: Configuration | PackedService): Configuration;
export function unpack(content: Configuration | PackedService): Configuration {
  return content.kind === 'packed' ? (JSON.parse(content.text) as ServiceConfiguration) : content;
}
