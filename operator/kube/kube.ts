/** Door of this room: the Kubernetes API as the operator uses it. */
export { type Applied, type ApplyOptions, applyObject, covers } from './apply.ts';
export { createKubeClient, type KubeClient, type ListOptions, type Page, type WatchOptions } from './client.ts';
export { type Connection, loadConnection, plainConnection } from './connection.ts';
export { type Controller, type ControllerOptions, createController, DONE, type Outcome } from './controller.ts';
export { createEventRecorder, type EventRecorder, type EventToTell, type Regarding } from './events.ts';
export { createInformer, type Informer, type InformerOptions, type InformerState } from './informer.ts';
export { isConflict, isGone, isNotFound, KubeError } from './kube-error.ts';
export { createElection, type Election, LEASE_TIMING, type Leadership, type LeaseTiming } from './lease.ts';
export type { Change } from './object-store.ts';
export {
  apiVersionOf,
  type KubeObject,
  type ObjectMeta,
  type ObjectRef,
  type OwnerReference,
  objectKey,
  RESOURCES,
  type Resource,
  refOfKey,
  resourcePath,
} from './resource.ts';
export { createWorkQueue, type WorkQueue } from './workqueue.ts';
