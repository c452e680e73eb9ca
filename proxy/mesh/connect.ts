import type { ConnectMeshOptions, MeshClient } from './api.ts';

/** Opens a mesh connection to a pod. Rejects with a HeddleError whose code is a `Reason`. */
export function connectMesh(options: ConnectMeshOptions): Promise<MeshClient> {
  return Promise.reject(new Error(`being written: ${options.address}`));
}
