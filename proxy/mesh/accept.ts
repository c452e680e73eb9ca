import type { AcceptMeshOptions, MeshServer } from './api.ts';

/** Takes an accepted connection whose first bytes are a mesh ClientHello. Never throws. */
export function acceptMesh(options: AcceptMeshOptions): MeshServer {
  throw new Error(`being written: ${options.first.length}`);
}
