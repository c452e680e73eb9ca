/** Door of the room: TLS of the mesh, and telling it from other traffic. */

export { type ClientHello, MAX_CLIENT_HELLO, readClientHello } from './client-hello.ts';
export { type Credentials, MESH_ALPN, MESH_GROUP, secureContextOf } from './credentials.ts';
export { startClientTls, startServerTls, verifyHandshake } from './handshake.ts';
export { dropsRoots, type PeerEvidence, type PeerVerdict, rootsOf, verifyPeer } from './verify-peer.ts';
