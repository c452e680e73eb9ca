import { WRITTEN_ANNOTATIONS } from '../../crds/labels.ts';
import { CONTAINER } from '../../proxy/contract/bootstrap.ts';
import { canonicalAddress } from './address.ts';
import { at, count, given, isPresent, type Json, labels, list, portNumber, text } from './json.ts';
import type { PodRecord } from './records.ts';

/** Full Pod to the few members that the model reads. */
export function stripPod(raw: unknown): PodRecord {
  const metadata = at(raw, 'metadata');
  const spec = at(raw, 'spec');
  const status = at(raw, 'status');
  return {
    namespace: text(metadata['namespace']) ?? '',
    name: text(metadata['name']) ?? '',
    uid: text(metadata['uid']) ?? '',
    createdAt: text(metadata['creationTimestamp']) ?? '',
    addresses: podAddresses(status),
    ...given('nodeName', text(spec['nodeName'])),
    hostNetwork: spec['hostNetwork'] === true,
    labels: labels(metadata['labels']),
    serviceAccount: text(spec['serviceAccountName']) ?? 'default',
    workload: workloadOf(metadata),
    phase: text(status['phase']) ?? 'Unknown',
    ready: list(status['conditions']).some((one) => at(one)['type'] === 'Ready' && at(one)['status'] === 'True'),
    terminating: metadata['deletionTimestamp'] !== undefined && metadata['deletionTimestamp'] !== null,
    ports: containerPorts(spec),
    meshed: isMeshed(spec),
    proxyStarted: proxyStarted(status),
    ...given('notInjected', text(at(metadata['annotations'])[WRITTEN_ANNOTATIONS.notInjected])?.slice(0, 512)),
    excludedInboundPorts: excludedInboundPorts(spec),
  };
}

/** `podIPs` holds both families; `podIP` alone stands on very old kubelets. */
function podAddresses(status: Json): string[] {
  const listed = list(status['podIPs']).map((one) => text(at(one)['ip']));
  const all = listed.length > 0 ? listed : [text(status['podIP'])];
  return [...new Set(all.filter(isPresent).map(canonicalAddress).filter(isPresent))];
}

function containerPorts(spec: Json): PodRecord['ports'] {
  const containers = [...list(spec['containers']), ...list(spec['initContainers']).filter(isSidecar)];
  return containers
    .filter((container) => at(container)['name'] !== CONTAINER.proxy)
    .flatMap((container) => list(at(container)['ports']))
    .map((raw) => at(raw))
    .filter((port) => (text(port['protocol']) ?? 'TCP') === 'TCP')
    .flatMap((port) => {
      const number = portNumber(port['containerPort']);
      return number === undefined ? [] : [{ ...given('name', text(port['name'])), port: number }];
    });
}

const isSidecar = (container: unknown): boolean => at(container)['restartPolicy'] === 'Always';

/** Our container as a native sidecar, or as a plain container. */
function isMeshed(spec: Json): boolean {
  const running = [...list(spec['containers']), ...list(spec['initContainers']).filter(isSidecar)];
  return running.some((container) => at(container)['name'] === CONTAINER.proxy);
}

/** A sidecar that started held its identity and its inbound side; one that was restarted has them on its memory volume. */
function proxyStarted(status: Json): boolean {
  const all = [...list(status['initContainerStatuses']), ...list(status['containerStatuses'])].map((one) => at(one));
  const own = all.find((one) => one['name'] === CONTAINER.proxy);
  return own?.['started'] === true || (count(own?.['restartCount']) ?? 0) > 0;
}

/** From the one JSON argument of the init container (`InitOptions`): what was really redirected, not what was asked for. */
function excludedInboundPorts(spec: Json): number[] {
  const init = list(spec['initContainers']).find((container) => at(container)['name'] === CONTAINER.init);
  const argument = list(at(init)['args']).findLast((one) => typeof one === 'string' && one.startsWith('{'));
  if (typeof argument !== 'string') return [];
  const ports = list(at(parse(argument))['excludeInboundPorts'])
    .map(portNumber)
    .filter(isPresent);
  return [...new Set(ports)].sort((left, right) => left - right);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Kubernetes does not bound the name of an owner, and proxies refuse a long one, for every caller of a Service. */
const MOST_NAME = 253;
const MOST_KIND = 63;

/** The owner that people know: the Deployment of a ReplicaSet, the CronJob of a Job (both by their name's hash), else the owner, else the pod. */
function workloadOf(metadata: Json): PodRecord['workload'] {
  const owner = list(metadata['ownerReferences'])
    .map((one) => at(one))
    .find((one) => one['controller'] === true);
  const kind = text(owner?.['kind'])?.slice(0, MOST_KIND);
  const name = text(owner?.['name'])?.slice(0, MOST_NAME);
  if (kind === undefined || name === undefined) return { kind: 'Pod', name: text(metadata['name']) ?? '' };
  const hash = text(at(metadata['labels'])['pod-template-hash']);
  if (kind === 'ReplicaSet' && hash !== undefined && name.endsWith(`-${hash}`)) {
    return { kind: 'Deployment', name: name.slice(0, -hash.length - 1) };
  }
  // A CronJob appends the scheduled minute; without this every run would be a new label value.
  const scheduled = kind === 'Job' ? /^(.+)-[0-9]{8,}$/.exec(name)?.[1] : undefined;
  return scheduled === undefined ? { kind, name } : { kind: 'CronJob', name: scheduled };
}
