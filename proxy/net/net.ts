/** Door of the room: TCP as the proxy needs it. */

export { canonicalAddress, formatIpv6, parseIpv6 } from './address.ts';
export { type DialOptions, dial, peerName } from './dial.ts';
export { type Listener, type ListenOptions, listen } from './listener.ts';
export { trimMemory } from './native.ts';
export { checkOriginalDestination, originalDestination } from './orig-dst.ts';
export type { OriginalDestination } from './original-destination.ts';
export { type OwnAddress, ownAddresses } from './own-addresses.ts';
export { type Peeked, type PeekOptions, peek } from './peek.ts';
export { socketTransport } from './socket-transport.ts';
export { type Tunnel, type TunnelOptions, type TunnelResult, tunnel } from './tunnel.ts';
