import { inTurns } from '../base/turns.ts';
import { dropsRoots } from '../tls/tls.ts';
import type { Connections } from './connections.ts';
import type { EndpointRegistry, EndpointState } from './endpoints.ts';
import { Http2Connections } from './http2-connections.ts';
import { MeshConnections, type MeshOptions } from './mesh-connections.ts';
import { PlainConnections, type PlainOptions } from './plain-connections.ts';

/** A verification takes half a millisecond: requests must not wait for all of them. */
const VERIFIED_A_TURN = 16;

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
    this.#unsubscribe = options.mesh.credentials.subscribe((now, before) => {
      for (const endpoint of options.endpoints.values()) endpoint.connections?.renew();
      if (now === undefined || before === undefined || !dropsRoots(before, now)) return;
      const look = (endpoint: EndpointState): void => endpoint.connections?.distrust?.(now);
      inTurns([...options.endpoints.values()], VERIFIED_A_TURN, look, () => {});
    });
  }

  /** `http2`: the request came with HTTP/2, so a plain endpoint is spoken to with prior knowledge; the mesh carries both versions. */
  of(endpoint: EndpointState, http2 = false): Connections {
    if (http2 && endpoint.endpoint.identity === undefined) {
      endpoint.http2 ??= new Http2Connections(endpoint, this.#options.plain);
      return endpoint.http2;
    }
    endpoint.connections ??=
      endpoint.endpoint.identity === undefined
        ? new PlainConnections(endpoint, this.#options.plain)
        : new MeshConnections(endpoint, this.#options.mesh);
    return endpoint.connections;
  }

  close(): void {
    this.#unsubscribe();
    for (const endpoint of this.#options.endpoints.values()) {
      endpoint.connections?.close();
      endpoint.http2?.close();
    }
  }
}
