import type { Connections } from './connections.ts';
import type { EndpointRegistry, EndpointState } from './endpoints.ts';
import { MeshConnections, type MeshOptions } from './mesh-connections.ts';
import { PlainConnections, type PlainOptions } from './plain-connections.ts';

export interface ConnectorOptions {
  readonly endpoints: EndpointRegistry;
  readonly mesh: MeshOptions;
  readonly plain: PlainOptions;
}

/** Makes the connections of endpoints on first use: mesh where an identity is expected, plain where none is. */
export class Connector {
  readonly #options: ConnectorOptions;
  readonly #unsubscribe: () => void;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#unsubscribe = options.mesh.credentials.subscribe(() => {
      for (const endpoint of options.endpoints.values()) endpoint.connections?.renew();
    });
  }

  of(endpoint: EndpointState): Connections {
    endpoint.connections ??=
      endpoint.endpoint.identity === undefined
        ? new PlainConnections(endpoint, this.#options.plain)
        : new MeshConnections(endpoint, this.#options.mesh);
    return endpoint.connections;
  }

  close(): void {
    this.#unsubscribe();
    for (const endpoint of this.#options.endpoints.values()) endpoint.connections?.close();
  }
}
