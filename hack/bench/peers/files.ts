/** Where a contender's files live. All of a run are in one folder that is removed at its end. */
export interface RunFiles {
  /** Of this run. */
  readonly folder: string;
  /** PEM files made by `certificates.ts`. */
  readonly certificates: CertificateFiles;
}

export interface Leaf {
  readonly certificate: string;
  readonly key: string;
  /** Certificate and key in one file (HAProxy). */
  readonly both: string;
}

export interface CertificateFiles {
  readonly root: string;
  readonly client: Leaf;
  readonly server: Leaf;
  /** Signed by the same root, but another workload. */
  readonly impostor: Leaf;
  /** Says it is the client, signed by another root. */
  readonly foreign: Leaf;
}
