import type { V1Container, V1ResourceRequirements } from '@kubernetes/client-node';
import {
  CONTAINER,
  type InitOptions,
  PATHS,
  PORTS,
  PROXY_GID,
  PROXY_UID,
  VOLUMES,
} from '../../proxy/contract/bootstrap.ts';
import type { Values } from './values.ts';

/** Writes the pod's iptables rules once, checks them, and ends. The only container of ours with a capability. */
export function initContainer(
  values: Values,
  resources: V1ResourceRequirements,
  selfCheckTarget: string | undefined,
): V1Container {
  const options: InitOptions = {
    proxyUid: PROXY_UID,
    proxyGid: PROXY_GID,
    outboundPort: PORTS.outbound,
    inboundPort: PORTS.inbound,
    excludeInboundPorts: values.excludeInboundPorts,
    excludeOutboundPorts: values.excludeOutboundPorts,
    excludeOutboundCidrs: values.excludeOutboundCidrs,
    ...(selfCheckTarget === undefined ? {} : { selfCheckTarget }),
  };
  return {
    name: CONTAINER.init,
    image: values.initImage,
    imagePullPolicy: values.imagePullPolicy,
    args: [JSON.stringify(options)],
    resources,
    securityContext: {
      runAsUser: 0,
      runAsGroup: 0,
      runAsNonRoot: false,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [{ name: VOLUMES.state, mountPath: PATHS.state }],
  };
}
