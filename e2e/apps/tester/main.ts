/**
 * The application of the end-to-end suites. Like the demo's it knows nothing of the mesh. Four faces: port 8080 answers
 * HTTP (`server.ts`), 8081 gRPC (`grpc.ts`), ports 9000 and 9001 speak TCP (`tcp.ts`), port 9900 lets the suites ask this pod
 * to make calls (`control.ts`); that port is excluded from the mesh by annotation.
 */
import process from 'node:process';
import { startControl } from './control.ts';
import { startGrpc } from './grpc.ts';
import { startHttp } from './server.ts';
import { startTcpEcho, startTcpGreeting } from './tcp.ts';

const pod = process.env['POD_NAME'] ?? 'unknown';
const version = process.env['VERSION'] ?? 'v1';

if (process.argv[2] === 'job') {
  // A Job that makes one call and ends: the sidecar must not keep the pod alive.
  const response = await fetch(process.argv[3] ?? '');
  process.stdout.write(`${response.status}\n`);
  process.exit(response.ok ? 0 : 1);
}

startHttp(8080, { pod, version });
startGrpc(8081);
startTcpEcho(9000);
startTcpGreeting(9001, `220 ${pod} ready\r\n`);
startControl(9900);
process.on('SIGTERM', () => process.exit(0));
