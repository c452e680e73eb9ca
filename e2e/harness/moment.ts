import process from 'node:process';

/**
 * Milliseconds of CLOCK_MONOTONIC, which all processes of a machine share: a moment of a suite compares with those that the tester's loads
 * note in their pods (the suites' cluster runs on this machine: `Mesh.pid` needs that too). Wall time would do until somebody sets the clock.
 */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;
