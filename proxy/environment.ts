import { isIP } from 'node:net';
import { type Environment, optionalInteger, optionalText, requireText } from './base/env.ts';
import { HeddleError } from './base/errors.ts';
import type { LogLevel } from './base/log.ts';
import { ENV, OPERATOR_SERVICE_ACCOUNT, PATHS, type Probe, SYSTEM_NAMESPACE } from './contract/bootstrap.ts';
import { decodeProbes, describeDecodeErrors } from './contract/decode.ts';
import { formatSpiffeId, parseSpiffeId } from './contract/identity.ts';
import { canonicalAddress } from './net/net.ts';

/** The environment of the proxy as plain data, checked. */
export interface ProxyEnvironment {
  readonly pod: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly addresses: readonly string[];
  };
  readonly serviceAccount: string;
  readonly workload: string;
  readonly trustDomain: string;
  /** SPIFFE ids. */
  readonly identity: string;
  readonly operatorIdentity: string;
  /** Where configuration comes from. */
  readonly source:
    | { readonly kind: 'operator'; readonly target: string }
    | { readonly kind: 'file'; readonly file: string };
  readonly logLevel: LogLevel;
  readonly probes: readonly Probe[];
  readonly stateDirectory: string;
  readonly tokenFile: string;
  readonly trustBundleFile: string;
  readonly leafSeconds: number | undefined;
  readonly unusedKeyMs: number;
  /** Canonical; as the kubelet tells every container. Undefined: not told, or a name. */
  readonly apiServer: string | undefined;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Throws `HeddleError` code `environment` that names the variable. */
export function readEnvironment(env: Environment): ProxyEnvironment {
  const namespace = requireText(env, ENV.podNamespace);
  const serviceAccount = requireText(env, ENV.serviceAccount);
  const trustDomain = requireText(env, ENV.trustDomain);
  const leafSeconds = optionalInteger(env, ENV.leafSeconds, 0, 0, 31_536_000);
  return {
    pod: {
      name: requireText(env, ENV.podName),
      namespace,
      uid: optionalText(env, ENV.podUid, 'none'),
      addresses: readAddresses(env),
    },
    serviceAccount,
    workload: optionalText(env, ENV.workload, requireText(env, ENV.podName)),
    trustDomain,
    identity: spiffeId(trustDomain, namespace, serviceAccount),
    operatorIdentity: spiffeId(trustDomain, SYSTEM_NAMESPACE, OPERATOR_SERVICE_ACCOUNT),
    source: readSource(env),
    logLevel: readLevel(env),
    probes: readProbes(env),
    stateDirectory: optionalText(env, ENV.stateDirectory, PATHS.state),
    tokenFile: optionalText(env, ENV.tokenFile, PATHS.token),
    trustBundleFile: optionalText(env, ENV.trustBundleFile, PATHS.trustBundle),
    leafSeconds: leafSeconds === 0 ? undefined : leafSeconds,
    unusedKeyMs: optionalInteger(env, ENV.unusedKeySeconds, 1_800, 1, 86_400) * 1_000,
    apiServer: readApiServer(env),
  };
}

function spiffeId(trustDomain: string, namespace: string, serviceAccount: string): string {
  const id = formatSpiffeId({ trustDomain, namespace, serviceAccount });
  if (parseSpiffeId(id) !== undefined) return id;
  throw new HeddleError(
    'environment',
    `${ENV.trustDomain}, ${ENV.podNamespace} and ${ENV.serviceAccount} make no SPIFFE id: ${id}`,
  );
}

function readAddresses(env: Environment): string[] {
  const addresses = requireText(env, ENV.podIps)
    .split(',')
    .map((text) => canonicalAddress(text.trim()));
  const wrong = addresses.find((address) => !/^[0-9a-f:.]{2,45}$/.test(address));
  if (wrong === undefined) return addresses;
  throw new HeddleError('environment', `${ENV.podIps} holds "${wrong}", which is no address`, {
    where: { name: ENV.podIps },
  });
}

function readApiServer(env: Environment): string | undefined {
  const address = canonicalAddress(optionalText(env, 'KUBERNETES_SERVICE_HOST', ''));
  return isIP(address) === 0 ? undefined : address;
}

function readSource(env: Environment): ProxyEnvironment['source'] {
  const file = env[ENV.staticConfiguration];
  if (file !== undefined && file !== '') return { kind: 'file', file };
  return { kind: 'operator', target: requireText(env, ENV.control) };
}

function readLevel(env: Environment): LogLevel {
  const given = optionalText(env, ENV.logLevel, 'info');
  const level = LEVELS.find((one) => one === given);
  if (level !== undefined) return level;
  throw new HeddleError('environment', `${ENV.logLevel} is "${given}", but must be one of ${LEVELS.join(', ')}`);
}

function readProbes(env: Environment): readonly Probe[] {
  const decoded = decodeProbes(optionalText(env, ENV.probes, '[]'));
  if (decoded.ok) return decoded.value;
  throw new HeddleError('environment', `${ENV.probes}: ${describeDecodeErrors(decoded.errors)}`);
}
