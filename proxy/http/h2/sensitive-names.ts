/** Names longer than this are taken as sensitive: nothing is lost, they are rare. */
export const LONGEST_NAME = 64;
/** Names that peers may teach us; more: all names count as sensitive from then on. */
const MOST_LEARNT = 64;

/**
 * Names of fields whose values are never put into a table (RFC 7541 7.1.3): those that carry credentials, and those that any peer of this process sent as
 * "never indexed", which whoever passes them on must repeat (6.2.3). By name, not by field, and for the life of the process: a head is a plain list.
 */
export class SensitiveNames {
  readonly #names = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie']);
  readonly #most = this.#names.size + MOST_LEARNT;
  #all = false;
  /** Changes whenever the answer of `has` may. */
  version = 0;

  has(name: string): boolean {
    return this.#all || name.length > LONGEST_NAME || this.#names.has(name);
  }

  /** A peer sent this field as never indexed. */
  learn(name: string): void {
    if (this.has(name)) return;
    this.version++;
    if (this.#names.size >= this.#most) this.#all = true;
    // A copy: `name` may be a slice that keeps a whole block alive.
    else this.#names.add(Buffer.from(name, 'latin1').toString('latin1'));
  }
}

/** Of this process. */
export const SENSITIVE = new SensitiveNames();
