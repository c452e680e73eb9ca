/** Where the connection goes: the pod's own address and the application's port. */
export interface Target {
  readonly address: string;
  readonly port: number;
}

/** Who calls. `identity` undefined: plaintext. */
export interface Source {
  readonly identity: string | undefined;
  readonly workload: string;
  readonly namespace: string;
  /** `10.0.0.9:40000`, for the log: of a plaintext caller nothing else is known. */
  readonly address?: string;
}
