import { type Environment, optionalInteger, optionalText } from '../proxy/base/env.ts';
import { HeddleError } from '../proxy/base/errors.ts';
import type { LogLevel } from '../proxy/base/log.ts';
import { CONTROL_PORT, PORTS, SYSTEM_NAMESPACE } from '../proxy/contract/bootstrap.ts';

/** How this process runs; everything about the mesh itself is in MeshConfig. */
export interface OperatorConfig {
  /** Name of the pod, or of the machine outside a cluster. */
  readonly podName: string;
  /** Address under which proxies reach this replica; absent outside a cluster: then it is not published. */
  readonly podAddress: string | undefined;
  readonly namespace: string;
  /** kubeconfig; absent = in-cluster, or client-go's defaults. */
  readonly kubeconfig: string | undefined;
  readonly logLevel: LogLevel;
  /** Absent: both families, as far as the machine has them. */
  readonly host: string | undefined;
  readonly controlPort: number;
  readonly healthPort: number;
  readonly metricsPort: number;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Reads POD_NAME, POD_NAMESPACE, POD_IP, KUBECONFIG, LOG_LEVEL and, for runs outside a cluster, LISTEN_HOST, CONTROL_PORT, HEALTH_PORT, METRICS_PORT. */
export function readConfig(env: Environment, hostname: string): OperatorConfig {
  return {
    podName: optionalText(env, 'POD_NAME', hostname),
    podAddress: env['POD_IP'] === '' ? undefined : env['POD_IP'],
    namespace: optionalText(env, 'POD_NAMESPACE', SYSTEM_NAMESPACE),
    kubeconfig: env['KUBECONFIG'] === '' ? undefined : env['KUBECONFIG'],
    logLevel: logLevel(optionalText(env, 'LOG_LEVEL', 'info')),
    host: env['LISTEN_HOST'] === '' ? undefined : env['LISTEN_HOST'],
    controlPort: optionalInteger(env, 'CONTROL_PORT', CONTROL_PORT, 0, 65_535),
    healthPort: optionalInteger(env, 'HEALTH_PORT', PORTS.health, 0, 65_535),
    metricsPort: optionalInteger(env, 'METRICS_PORT', PORTS.metrics, 0, 65_535),
  };
}

function logLevel(text: string): LogLevel {
  const level = LEVELS.find((one) => one === text);
  if (level !== undefined) return level;
  throw new HeddleError('environment', `LOG_LEVEL is "${text}", but must be one of ${LEVELS.join(', ')}`, {
    where: { name: 'LOG_LEVEL' },
  });
}
