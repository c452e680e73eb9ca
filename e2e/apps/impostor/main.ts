/**
 * A process that pretends, for the suites: it holds whatever credentials it is given, serves as a false mesh server (`listener.ts`)
 * and calls as a false mesh client (`call.ts`). Told what to do on port 9900 (`control.ts`). `main idle` only keeps a container alive.
 */
import process from 'node:process';
import { startControl } from './control.ts';

process.on('SIGTERM', () => process.exit(0));
if (process.argv[2] === 'idle') setInterval(() => {}, 60_000);
else startControl(9900);
