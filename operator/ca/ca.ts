/** Door of this room: the mesh's certificate authority. The signing key is reachable from here only. */
export { type Authenticate, type Authenticated, createAuthenticate, type PodIdentity } from './authenticate.ts';
export { LIVES } from './authority.ts';
export { CA_SECRET } from './ca-secret.ts';
export { createIssue, type Issue, type IssueAnswer, refusal } from './issue.ts';
export { type AuthorityState, createKeep, type Keep } from './keep.ts';
export { type Peer, readPeer } from './peer.ts';
export { createServing, issueServing, type Serving, type ServingCertificate } from './serving.ts';
