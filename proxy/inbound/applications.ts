import type { Connections } from '../balance/connections.ts';
import { EndpointState } from '../balance/endpoints.ts';
import { Http2Connections } from '../balance/http2-connections.ts';
import { PlainConnections, type PlainOptions } from '../balance/plain-connections.ts';
import type { Target } from './parties.ts';

/** Ports (and versions) of the pod whose connections are kept; a scan over all ports must not fill the memory. */
const MAX_TARGETS = 64;

/** Keep-alive connections to the application, one pool for each own address, port and version of HTTP. */
export class Applications {
  readonly #options: PlainOptions;
  readonly #targets = new Map<string, Connections>();
  /** What was asked for last: a connection asks for the same with each request. */
  #last: { readonly target: Target; readonly http2: boolean; readonly connections: Connections } | undefined;

  constructor(options: PlainOptions) {
    this.#options = options;
  }

  /** `http2`: the request came with HTTP/2 and goes on so. */
  of(target: Target, http2: boolean): Connections {
    const last = this.#last;
    if (last !== undefined && last.target === target && last.http2 === http2) return last.connections;
    const connections = this.#find(target, http2);
    this.#last = { target, http2, connections };
    return connections;
  }

  #find(target: Target, http2: boolean): Connections {
    const key = `${target.address}|${target.port}${http2 ? '|2' : ''}`;
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    if (this.#targets.size >= MAX_TARGETS) this.#forgetOldest();
    const endpoint = new EndpointState({ ...target, subsets: [] }, key, 0);
    const made = http2 ? new Http2Connections(endpoint, this.#options) : new PlainConnections(endpoint, this.#options);
    this.#targets.set(key, made);
    return made;
  }

  close(): void {
    for (const connections of this.#targets.values()) connections.close();
  }

  #forgetOldest(): void {
    const [key, connections] = this.#targets.entries().next().value!;
    this.#targets.delete(key);
    this.#last = undefined;
    connections.drain();
  }
}
