import type { MeshPeer } from '../mesh/mesh.ts';
import type { Source } from './parties.ts';

/** Workload names that one identity may bring into the metrics; a further one counts under its service account. */
const MAX_NAMES = 8;
const MAX_IDENTITIES = 1_000;

export const PLAINTEXT_SOURCE: Source = { identity: undefined, workload: 'unknown', namespace: '' };

/**
 * Names of callers for metrics and logs. Namespace and service account come from the verified identity; the workload is what the peer says of
 * itself, so it is bounded: a caller cannot fill the metrics with names of its choice.
 */
export class SourceNames {
  readonly #names = new Map<string, Set<string>>();
  /** Who asked last, and what it is called: mostly the next one too. */
  #last: { readonly identity: string; readonly workload: string | undefined; readonly source: Source } | undefined;

  of(peer: MeshPeer): Source {
    const { identity, workload } = peer;
    if (identity === undefined) return PLAINTEXT_SOURCE;
    if (this.#last?.identity !== identity || this.#last.workload !== workload) {
      this.#last = { identity, workload, source: this.#find({ identity, workload }) };
    }
    return this.#last.source;
  }

  #find(peer: { readonly identity: string; readonly workload: string | undefined }): Source {
    const [, , , , namespace = '', , serviceAccount = ''] = peer.identity.split('/');
    const workload = this.#bounded(peer.identity, peer.workload ?? serviceAccount)
      ? (peer.workload ?? serviceAccount)
      : serviceAccount;
    return { identity: peer.identity, workload, namespace };
  }

  #bounded(identity: string, workload: string): boolean {
    let names = this.#names.get(identity);
    if (names === undefined) {
      if (this.#names.size >= MAX_IDENTITIES) this.#names.delete(this.#names.keys().next().value!);
      names = new Set();
      this.#names.set(identity, names);
    }
    if (names.has(workload)) return true;
    if (names.size >= MAX_NAMES) return false;
    names.add(workload);
    return true;
  }
}
