import type { V1Pod } from '@kubernetes/client-node';
import { GROUP, POD_ANNOTATIONS, WRITTEN_ANNOTATIONS } from '../../crds/labels.ts';
import { isCidr, isPort, isQuantity, quantityValue } from './formats.ts';

/** What the mesh's operator sets: image names from the webhook's environment, the rest from MeshConfig. */
export interface InjectionDefaults {
  readonly proxyImage: string;
  readonly initImage: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  readonly trustDomain: string;
  /** `host:port` of the operator. */
  readonly control: string;
  /** Changed by MeshConfig. Kubernetes quantities. */
  readonly cpuRequest: string;
  readonly memoryRequest: string;
  readonly memoryLimit: string;
  readonly excludeInboundPorts: readonly number[];
  readonly excludeOutboundPorts: readonly number[];
  readonly excludeOutboundCidrs: readonly string[];
  /** Leaf life in seconds for proxies to ask for; 0 = the authority's default. */
  readonly leafSeconds: number;
  /** Seconds after which a proxy gives an unused key up; 0 = the proxy's default. */
  readonly unusedKeySeconds: number;
}

/** Everything the injector needs of a pod's wishes, checked. */
export interface Values extends InjectionDefaults {
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly preStopSleep: boolean;
}

export interface AnnotationProblem {
  readonly annotation: string;
  readonly message: string;
}

export interface Wishes {
  readonly values: Values;
  /** Values that cannot be used: the pod is refused. */
  readonly problems: readonly AnnotationProblem[];
  /** Names under our prefix that mean nothing: the pod is admitted with a warning. */
  readonly warnings: readonly string[];
}

/** Defaults overlaid with the pod's annotations. */
export function readWishes(pod: V1Pod, defaults: InjectionDefaults): Wishes {
  const annotations = pod.metadata?.annotations ?? {};
  const problems: AnnotationProblem[] = [];
  const take = <T>(annotation: string, fallback: T, read: (text: string) => T | string): T => {
    const text = annotations[annotation];
    if (text === undefined) return fallback;
    const value = read(text.trim());
    if (typeof value === 'string' && value.startsWith(PROBLEM)) {
      problems.push({ annotation, message: value.slice(PROBLEM.length) });
      return fallback;
    }
    return value as T;
  };
  const values: Values = {
    ...defaults,
    excludeInboundPorts: take(POD_ANNOTATIONS.excludeInboundPorts, defaults.excludeInboundPorts, readPorts),
    excludeOutboundPorts: take(POD_ANNOTATIONS.excludeOutboundPorts, defaults.excludeOutboundPorts, readPorts),
    excludeOutboundCidrs: take(POD_ANNOTATIONS.excludeOutboundCidrs, defaults.excludeOutboundCidrs, readCidrs),
    cpuRequest: take(POD_ANNOTATIONS.proxyCpuRequest, defaults.cpuRequest, readQuantity),
    memoryRequest: take(POD_ANNOTATIONS.proxyMemoryRequest, defaults.memoryRequest, readQuantity),
    memoryLimit: take(POD_ANNOTATIONS.proxyMemoryLimit, defaults.memoryLimit, readQuantity),
    logLevel: take<Values['logLevel']>(POD_ANNOTATIONS.logLevel, 'info', readLogLevel),
    preStopSleep: take(POD_ANNOTATIONS.preStopSleep, true, readSwitch),
  };
  if (quantityValue(values.memoryRequest) > quantityValue(values.memoryLimit)) {
    const message = `the proxy would request ${values.memoryRequest} of memory and be limited to ${values.memoryLimit}; set both`;
    problems.push({ annotation: POD_ANNOTATIONS.proxyMemoryRequest, message });
  }
  return { values, problems, warnings: unknownAnnotations(Object.keys(annotations)) };
}

/** Marks the text of a problem, so that readers need no exceptions. */
const PROBLEM = '\u0000';

function readPorts(text: string): number[] | string {
  const parts = splitList(text);
  const wrong = parts.find((part) => !isPort(part));
  return wrong === undefined ? parts.map(Number) : `${PROBLEM}"${wrong}" is not a port (1 to 65535); write "9090,9091"`;
}

function readCidrs(text: string): string[] | string {
  const parts = splitList(text);
  const wrong = parts.find((part) => !isCidr(part));
  return wrong === undefined ? parts : `${PROBLEM}"${wrong}" is not a CIDR; write "10.0.0.0/8,fd00::/8"`;
}

function readQuantity(text: string): string {
  return isQuantity(text) ? text : `${PROBLEM}"${text}" is not a quantity; write "100m" or "128Mi"`;
}

function readLogLevel(text: string): Values['logLevel'] | string {
  if (text === 'debug' || text === 'info' || text === 'warn' || text === 'error') return text;
  return `${PROBLEM}"${text}" is none of debug, info, warn, error`;
}

function readSwitch(text: string): boolean | string {
  if (text === 'enabled') return true;
  if (text === 'disabled') return false;
  return `${PROBLEM}"${text}" is neither enabled nor disabled`;
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Without the prefix: a warning has 256 characters. */
const KNOWN = Object.values(POD_ANNOTATIONS)
  .map((name) => name.slice(GROUP.length + 1))
  .join(' ');

function unknownAnnotations(names: readonly string[]): string[] {
  const known = new Set<string>([...Object.values(POD_ANNOTATIONS), ...Object.values(WRITTEN_ANNOTATIONS)]);
  return names
    .filter((name) => name.startsWith(`${GROUP}/`) && !known.has(name))
    .map((name) => `annotation ${name.slice(0, 80)} means nothing; known are: ${KNOWN}`);
}
