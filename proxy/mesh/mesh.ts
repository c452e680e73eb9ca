/** Door of the room: the mesh transport between two proxies. The format is `contract/wire.md`. */

export { acceptMesh } from './accept.ts';
export type {
  AcceptMeshOptions,
  ConnectMeshOptions,
  MeshClient,
  MeshPeer,
  MeshServer,
  MeshServerExchange,
  RequestMeta,
  SelfDescription,
} from './api.ts';
export { connectMesh } from './connect.ts';
