/** Whether the application is healthy, and a sentence of ours about it: nothing that the application sent is passed on. */
export interface ProbeResult {
  readonly healthy: boolean;
  readonly sentence: string;
}
